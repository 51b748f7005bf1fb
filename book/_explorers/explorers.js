// What the explorers share: the arithmetic, controls, state in the address.
//
// Classic scripts, loaded with `defer` on the pages that hold an explorer.
// Each explorer registers itself in `kinds`; a figure with `data-explorer`
// keeps its still picture until its explorer stands.
(function () {
  "use strict";

  const SVG = "http://www.w3.org/2000/svg";
  const QUIET = 700; // milliseconds without a change before it is announced
  const SETTLED = 250; // and before it is written into the address

  // Arithmetic

  /** How many windows fit along a line, and why none does, if none does. */
  function outputSize({ size, kernel, stride, padding, dilation, pool }) {
    const reach = dilation * (kernel - 1) + 1;
    const padded = size + 2 * padding;
    const room = padded - reach;
    let problem = "";
    if (room < 0) {
      problem = "reach";
    } else if (pool && padding > Math.floor(reach / 2)) {
      problem = "padding";
    }
    const out = problem ? 0 : Math.floor(room / stride) + 1;
    return { reach, padded, room, out, problem, steps: room / stride };
  }

  /** The pixels of a padded line that no window reads, first to last. */
  function unseen(setting) {
    const { padded, out } = outputSize(setting);
    const seen = new Array(padded).fill(false);
    for (let i = 0; i < out; i += 1) {
      for (let j = 0; j < setting.kernel; j += 1) {
        seen[i * setting.stride + j * setting.dilation] = true;
      }
    }
    return [...seen.keys()].filter((pixel) => !seen[pixel]);
  }

  /** Weights, biases and multiply-adds for one picture; a pool has none. */
  function cost(setting, out) {
    if (setting.pool) {
      return { weights: 0, biases: 0, parameters: 0, macs: 0 };
    }
    const { channelsIn, channelsOut, kernel } = setting;
    const weights = channelsOut * channelsIn * kernel * kernel;
    return {
      weights,
      biases: channelsOut,
      parameters: weights + channelsOut,
      macs: weights * out * out,
    };
  }

  const total = (values) => values.reduce((sum, value) => sum + value, 0);

  /** Scores with a number added to each, divided by a temperature. */
  function scaled(logits, temperature = 1, shift = 0) {
    return logits.map((z) => (z + shift) / temperature);
  }

  /** The formula as it stands: overflows where exp does. */
  function naiveSoftmax(scores) {
    const positive = scores.map(Math.exp);
    const sum = total(positive);
    return positive.map((value) => value / sum);
  }

  /** The same shares, with the largest score subtracted first. */
  function softmax(logits, temperature = 1, shift = 0) {
    const scores = scaled(logits, temperature, shift);
    const largest = Math.max(...scores);
    return naiveSoftmax(scores.map((score) => score - largest));
  }

  /** In nats: 0 if one class has all, log(n) if n share alike. */
  function entropy(shares) {
    return total(shares.map((p) => (p > 0 ? -p * Math.log(p) : 0)));
  }

  // Text

  const whole = (number) => number.toLocaleString("en-US");

  /** A number as short as it can be without losing what it says. */
  function short(value, digits = 2) {
    if (!Number.isFinite(value)) {
      return String(value).replace("-", "\u2212");
    }
    const size = Math.abs(value);
    const small = size > 0 && size < 0.5 * 10 ** -digits;
    const text =
      size >= 1e5 || small ? value.toExponential(1) : value.toFixed(digits);
    return text.replace("-", "\u2212").replace("e+", "e");
  }

  const several = (count, one) => `${whole(count)} ${one}${count === 1 ? "" : "s"}`;

  // Elements

  function fill(element, attributes, children) {
    for (const [name, value] of Object.entries(attributes || {})) {
      if (name.startsWith("on")) {
        element.addEventListener(name.slice(2), value);
      } else if (value === true) {
        element.setAttribute(name, "");
      } else if (value !== false && value !== null && value !== undefined) {
        element.setAttribute(name, value);
      }
    }
    element.append(...children);
    return element;
  }

  const html = (tag, attributes, ...children) =>
    fill(document.createElement(tag), attributes, children);
  const svg = (tag, attributes, ...children) =>
    fill(document.createElementNS(SVG, tag), attributes, children);

  let made = 0;
  const freshId = () => `explorer-part-${(made += 1)}`;

  /** A slider and a number field that say the same. */
  function field({ label, min, max, step = 1, value, toSlider, fromSlider, change }) {
    const up = toSlider || ((x) => x);
    const down = fromSlider || ((x) => x);
    const id = freshId();
    const wrong = html("span", { class: "x-wrong", id: `${id}-wrong` });
    const number = html("input", {
      type: "number", id, min, max, step: step === 1 ? 1 : "any",
      inputmode: step === 1 && min >= 0 ? "numeric" : "text",
      "aria-describedby": `${id}-wrong`,
    });
    const slider = html("input", {
      type: "range", min: up(min), max: up(max),
      step: toSlider ? "any" : step, "aria-label": label,
    });
    const kind = step === 1 ? "a whole number" : "a number";
    let last = value;

    function paint() {
      const [a, b] = [up(min), up(max)];
      const share = (up(last) - a) / (b - a);
      slider.style.setProperty("--part", Math.max(0, Math.min(1, share)));
      slider.setAttribute("aria-valuetext", String(last));
    }
    function set(given) {
      last = given;
      number.value = given;
      slider.value = up(given);
      complain("");
      paint();
    }
    function complain(text) {
      wrong.textContent = text;
      number.toggleAttribute("data-wrong", Boolean(text));
      number.setAttribute("aria-invalid", String(Boolean(text)));
    }
    function take(given) {
      last = given;
      paint();
      change(given);
    }
    number.addEventListener("input", () => {
      const given = number.value === "" ? NaN : Number(number.value);
      const fits = step !== 1 || Number.isInteger(given);
      if (!(given >= min && given <= max && fits)) {
        const text = number.value === "" ? "Nothing" : number.value;
        complain(`${text}: it must be ${kind} from ${min} to ${max}.`);
        return;
      }
      complain("");
      slider.value = up(given);
      take(given);
    });
    number.addEventListener("change", () => {
      set(last); // what could not be taken gives way to what counts
    });
    slider.addEventListener("input", () => {
      const given = Number(down(Number(slider.value)).toPrecision(6));
      number.value = given;
      complain("");
      take(given);
    });
    set(value);
    const name = html("label", { for: id }, label);
    const element = html("div", { class: "x-field" }, name, slider, number, wrong);
    return { element, set, slider, number };
  }

  /** A row of buttons of which one at a time may hold. */
  function choices(name, options, choose) {
    const buttons = options.map(({ label, title }, i) =>
      html(
        "button",
        { type: "button", class: "x-chip", "aria-pressed": "false", title,
          onclick: () => choose(options[i]) },
        label,
      ),
    );
    const id = freshId();
    const element = html(
      "div", { class: "x-choices", role: "group", "aria-labelledby": id },
      html("span", { class: "x-choices-name", id }, name),
      html("span", { class: "x-chips" }, ...buttons),
    );
    const mark = (holds) =>
      buttons.forEach((button, i) =>
        button.setAttribute("aria-pressed", String(Boolean(holds(options[i])))),
      );
    return { element, mark, buttons };
  }

  /** A line for screen readers; it speaks when the hand rests, not before. */
  function announcer(parent) {
    const line = html("p", { class: "x-hidden", role: "status", "aria-live": "polite" });
    parent.append(line);
    let timer = 0;
    let touched = false;
    for (const kind of ["click", "input", "keydown"]) {
      parent.addEventListener(kind, () => (touched = true), { capture: true });
    }
    return (text) => {
      if (!touched) {
        return;
      }
      clearTimeout(timer);
      timer = setTimeout(() => {
        line.textContent = text;
      }, QUIET);
    };
  }

  // State in the address

  /** The parameters of one explorer; those of others are left alone. */
  function addressOf(suffix) {
    let waiting = {};
    let timer = 0;

    function flush() {
      clearTimeout(timer);
      const parameters = new URLSearchParams(location.search);
      for (const [name, value] of Object.entries(waiting)) {
        if (value === null) {
          parameters.delete(name);
        } else {
          parameters.set(name, value);
        }
      }
      waiting = {};
      const query = parameters.toString().replace(/%2C/g, ",");
      const next = (query ? `?${query}` : location.pathname) + location.hash;
      try {
        history.replaceState(history.state, "", next);
      } catch (error) {
        // Some browsers keep the address of a local file as it is
      }
      return query;
    }
    return {
      read: (name) => new URLSearchParams(location.search).get(name + suffix),
      write(values) {
        for (const [name, value] of Object.entries(values)) {
          waiting[name + suffix] = value;
        }
        clearTimeout(timer);
        timer = setTimeout(flush, SETTLED);
      },
      flush,
    };
  }

  /** A number from the address; null if it is none or out of bounds. */
  function readNumber(text, min, max, isWhole) {
    const value = text === null || text.trim() === "" ? NaN : Number(text);
    const fits = value >= min && value <= max;
    return fits && (!isWhole || Number.isInteger(value)) ? value : null;
  }

  function copied(text) {
    const area = html("textarea", { class: "x-hidden", "aria-hidden": "true" });
    area.value = text;
    document.body.append(area);
    area.select();
    const done = document.execCommand("copy");
    area.remove();
    return done;
  }

  /** Buttons for the whole explorer: start again, take the link along. */
  function footer(figure, address, reset) {
    const said = html("span", { class: "x-said", role: "status" });
    const shown = html("input", {
      type: "text", readonly: true, hidden: true, class: "x-link",
      "aria-label": "Link to this setting",
    });
    async function copy() {
      const query = address.flush();
      const page = location.href.split(/[?#]/)[0];
      const link = `${page}${query ? `?${query}` : ""}#${figure.id}`;
      let done = false;
      try {
        await navigator.clipboard.writeText(link);
        done = true;
      } catch (error) {
        done = copied(link); // no permission, or a page without https
      }
      shown.value = link;
      shown.hidden = done;
      said.textContent = done ? "Link copied." : "Copy it from here:";
      if (!done) {
        shown.select();
      }
    }
    return html(
      "div", { class: "x-footer" },
      html("button", { type: "button", class: "x-button", onclick: copy }, "Copy link"),
      html("button", {
        type: "button", class: "x-button",
        onclick: () => {
          reset();
          said.textContent = "";
          shown.hidden = true;
        },
      }, "Start again"),
      said, shown,
    );
  }

  // Start

  const kinds = {};

  function mount(figure, suffix) {
    const body = html("div", { class: "x-body" });
    try {
      kinds[figure.dataset.explorer](body, figure, addressOf(suffix));
    } catch (error) {
      console.error(`${figure.id}: ${error.message}`); // the picture stays
      return;
    }
    figure.insertBefore(body, figure.querySelector("figcaption"));
    figure.classList.add("x-live");
    figure.dispatchEvent(new Event("explorer-shown"));
  }

  function start() {
    const counts = {};
    document.querySelectorAll("figure[data-explorer]").forEach((figure) => {
      const { explorer, set } = figure.dataset;
      const name = set ? `${explorer}-${set}` : explorer;
      counts[name] = (counts[name] || 0) + 1;
      // A second one of a kind gets parameters of its own: k and k2
      mount(figure, counts[name] > 1 ? String(counts[name]) : "");
    });
    // The page grew after the browser had gone to the place in the address
    const goal = location.hash && document.getElementById(location.hash.slice(1));
    if (goal && goal.matches("figure[data-explorer]")) {
      goal.scrollIntoView();
    }
  }
  document.addEventListener("DOMContentLoaded", start);

  window.AlexNetExplorers = {
    outputSize, unseen, cost, scaled, softmax, naiveSoftmax, entropy,
    whole, short, several, html, svg, freshId,
    field, choices, announcer, footer, readNumber, kinds, total,
  };
})();
