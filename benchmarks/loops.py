"""The loops of the two posts, each as short as its description.

Written to behave as they do, their mistakes included; what they print and
save is left out.
"""

from collections.abc import Iterable

import torch
from torch import nn
from torch.optim import Optimizer


def evaluate_accuracy(
    net: nn.Module, loader: Iterable, device: torch.device
) -> float:
    """Post 1's evaluation. It leaves the network in eval mode."""
    net.eval()
    correct = count = 0.0
    with torch.no_grad():
        for images, labels in loader:
            images, labels = images.to(device), labels.to(device)
            correct += float((net(images).argmax(dim=1) == labels).sum())
            count += labels.numel()
    return correct / count


def post_1_epoch(
    net: nn.Module,
    train_loader: Iterable,
    test_loader: Iterable,
    optimizer: Optimizer,
    device: torch.device,
    each_step: bool,
) -> float:
    """One epoch of post 1; `each_step` says where the evaluation stands.

    In the post it stands inside the loop over batches. Indented one step
    less, this is the loop of the textbook "Dive into Deep Learning".
    """
    criterion = nn.CrossEntropyLoss()
    loss_sum = correct = count = 0.0
    net.train()
    for images, labels in train_loader:
        optimizer.zero_grad()
        images, labels = images.to(device), labels.to(device)
        logits = net(images)
        loss = criterion(logits, labels)
        loss.backward()
        optimizer.step()
        with torch.no_grad():
            loss_sum += float(loss * len(labels))
            correct += float((logits.argmax(dim=1) == labels).sum())
            count += labels.numel()
        if each_step:
            accuracy = evaluate_accuracy(net, test_loader, device)
    if not each_step:
        accuracy = evaluate_accuracy(net, test_loader, device)
    return accuracy


def post_2_train(
    net: nn.Module,
    loader: Iterable,
    optimizer: Optimizer,
    device: torch.device,
) -> float:
    """Post 2's training part of an epoch."""
    criterion = nn.CrossEntropyLoss()
    net.train()
    running_loss = 0.0
    for images, labels in loader:
        optimizer.zero_grad()
        loss = criterion(net(images.to(device)), labels.to(device))
        loss.backward()
        optimizer.step()
        running_loss += loss.item()
    return running_loss


def post_2_validate(
    net: nn.Module, loader: Iterable, device: torch.device
) -> float:
    """Post 2's validation part of an epoch."""
    net.eval()
    correct = 0
    with torch.no_grad():
        for images, labels in loader:
            predicted = torch.max(net(images.to(device)), dim=1)[1]
            correct += torch.eq(predicted, labels.to(device)).sum().item()
    return correct
