// What softmax makes of scores: temperature, shift, overflow.
(function () {
  "use strict";

  const A = window.AlexNetExplorers;
  const { html, short } = A;
  const LIMITS = [10, 100, 1000, 10000]; // what the bars reach, as needed
  const MOST = LIMITS[LIMITS.length - 1];
  const NAT = 3; // decimals of scores and shares

  const limitOf = (logits) => {
    const far = Math.max(...logits.map(Math.abs));
    return LIMITS.find((limit) => far <= limit) || MOST;
  };

  /** One line: a name, a bar to drag, its number, and the share. */
  function makeRow(name, i, change) {
    const id = A.freshId();
    const number = html("input", {
      type: "number", id, step: "any", min: -MOST, max: MOST, inputmode: "text",
    });
    const slider = html("input", { type: "range", class: "x-bar", "aria-label": `Score of ${name}` });
    const share = html("span", { class: "x-share" });
    const value = html("output", { class: "x-value", for: id });
    number.addEventListener("input", () => {
      const given = number.value === "" ? NaN : Number(number.value);
      const fits = Math.abs(given) <= MOST;
      number.toggleAttribute("data-wrong", !fits);
      number.setAttribute("aria-invalid", String(!fits));
      if (fits) {
        change(i, given);
      }
    });
    number.addEventListener("change", () => {
      number.value = ""; // what could not be taken gives way to what counts
      change(i, null);
    });
    const element = html(
      "div", { class: "x-row" },
      html("label", { for: id }, name),
      slider, number,
      html("span", { class: "x-track", "aria-hidden": "true" }, share),
      value,
    );
    return { element, number, slider, share, value };
  }

  function paintBar(slider, z, limit) {
    const at = 0.5 + (0.5 * z) / limit;
    slider.style.setProperty("--low", Math.min(0.5, at));
    slider.style.setProperty("--high", Math.max(0.5, at));
  }

  function overflowInWords(scores) {
    const far = Math.max(...scores);
    const most = short(Number.MAX_VALUE);
    if (scores.some((score) => Math.exp(score) === Infinity)) {
      return `exp(${short(far, 0)}) is larger than the largest number that ` +
        `float64 can hold, ${most}, so it becomes Infinity. Infinity divided ` +
        "by Infinity is NaN, not a number. The stable way subtracts the " +
        "largest score first: then no exponent is above 0.";
    }
    return `All exponentials are too small for float64 and become 0. Zero ` +
      "divided by zero is NaN, not a number. The stable way subtracts the " +
      "largest score first: then one exponential is 1.";
  }

  function softmaxExplorer(body, figure, address) {
    const presets = A.data.softmax;
    const start = { logits: presets[0].logits, temperature: 1, shift: 0 };
    let state = { ...start };
    let names = presets[0].names;
    let rows = [];

    const choices = A.choices("Scores", presets, (preset) => {
      names = preset.names;
      state = { logits: [...preset.logits], temperature: 1, shift: 0 };
      temperature.set(1);
      shift.set(0);
      build();
      update();
      ways.open = ways.open || isBroken();
    });
    const note = html("p", { class: "x-note" });
    const temperature = A.field({
      label: "Temperature", min: 0.1, max: 10, step: 0.01, value: 1,
      toSlider: Math.log10, fromSlider: (x) => Number((10 ** x).toPrecision(3)),
      change: (value) => update({ temperature: value }),
    });
    const shift = A.field({
      label: "Add to all", min: -1000, max: 1000, step: 0.5, value: 0,
      change: (value) => update({ shift: value }),
    });
    const list = html("div", { class: "x-rows", role: "group", "aria-label": "Scores and their shares" });
    const scale = html("p", { class: "x-help" });
    const facts = html("dl", { class: "x-facts" });
    const problem = html("p", { class: "x-problem" });
    const rule = html("p", { class: "x-help", id: A.freshId() });
    const table = html("table", { class: "x-table", "aria-describedby": rule.id });
    const ways = html(
      "details", { class: "x-details" },
      html("summary", {}, "The formula as it stands, and the stable way"),
      rule,
      html("div", { class: "x-scroll", tabindex: 0, role: "region", "aria-label": "Both ways, step by step" }, table),
    );
    const say = A.announcer(body);
    const heads = html(
      "div", { class: "x-row x-heads", "aria-hidden": "true" },
      html("span", {}, "class"), html("span", {}, "score: drag it, type it or use the arrow keys"),
      html("span", {}, "share"),
    );
    body.append(
      html("p", { class: "x-head" }, "From scores to shares"),
      choices.element, note, heads, list, scale,
      html("div", { class: "x-controls x-pair" }, temperature.element, shift.element),
      facts, problem, ways,
      A.footer(figure, address, () => {
        names = presets[0].names;
        state = { ...start, logits: [...start.logits] };
        temperature.set(1);
        shift.set(0);
        build();
        update();
      }),
    );

    function build() {
      rows = names.map((name, i) =>
        makeRow(name, i, (place, z) => {
          const logits = [...state.logits];
          logits[place] = z === null ? logits[place] : z;
          update({ logits });
        }),
      );
      list.replaceChildren(...rows.map((row) => row.element));
    }

    const isBroken = () =>
      A.naiveSoftmax(A.scaled(state.logits, state.temperature, state.shift)).some(Number.isNaN);

    function update(change) {
      state = { ...state, ...change };
      const { logits } = state;
      const preset = presets.find(
        (one) => one.names === names && one.logits.every((z, i) => z === logits[i]),
      );
      const first = preset === presets[0];
      address.write({
        z: first ? null : logits.join(","),
        tau: state.temperature === 1 ? null : String(state.temperature),
        add: state.shift === 0 ? null : String(state.shift),
      });
      choices.mark((one) => one === preset);
      note.textContent = preset ? preset.note : "";
      render();
    }

    function render() {
      const { logits } = state;
      const limit = limitOf(logits);
      const shares = A.softmax(logits, state.temperature, state.shift);
      const top = shares.indexOf(Math.max(...shares));
      rows.forEach((row, i) => {
        const step = limit > 100 ? 1 : limit > 10 ? 0.1 : 0.01;
        Object.assign(row.slider, { min: -limit, max: limit, step: "any" });
        row.slider.value = logits[i];
        row.slider.setAttribute("aria-valuetext", `${logits[i]}, share ${short(shares[i], NAT)}`);
        row.step = step;
        if (Number(row.number.value) !== logits[i] || row.number.value === "") {
          row.number.value = Number(logits[i].toFixed(NAT)); // as wide as its box
        }
        row.number.toggleAttribute("data-wrong", false);
        row.number.setAttribute("aria-invalid", "false");
        paintBar(row.slider, logits[i], limit);
        row.share.style.width = `${100 * shares[i]}%`;
        row.value.textContent = short(shares[i], NAT);
        row.element.classList.toggle("x-top", i === top && shares[i] > Math.min(...shares));
      });
      scale.textContent = `The bars of the scores reach from \u2212${A.whole(limit)} to ${A.whole(limit)}.`;
      renderFacts(shares, top);
      renderWays(shares);
    }

    function renderFacts(shares, top) {
      const spread = A.entropy(shares);
      const tied = shares.filter((p) => p === shares[top]).length;
      const fact = (name, value, how) =>
        html("div", {}, html("dt", {}, name), html("dd", {}, html("strong", {}, value), html("span", {}, how)));
      const winner = tied > 1 ? `${tied} classes alike` : names[top];
      facts.replaceChildren(
        fact("First", winner, `with ${short(shares[top], NAT)} of the whole`),
        fact("Together", short(A.total(shares), NAT), "always one, whatever you do"),
        fact("Entropy", short(spread, NAT),
          `as undecided as among ${short(Math.exp(spread), 1)} equal classes`),
      );
      say(`${winner} ${short(shares[top], NAT)}. Entropy ${short(spread, NAT)}.`);
    }

    function renderWays(shares) {
      const scores = A.scaled(state.logits, state.temperature, state.shift);
      const naive = A.naiveSoftmax(scores);
      const largest = Math.max(...scores);
      const broken = naive.some(Number.isNaN);
      problem.textContent = broken ? overflowInWords(scores) : "";
      const cells = (tag, texts) =>
        texts.map((text) =>
          html(tag, { class: /Infinity|NaN/.test(text) ? "x-bad" : null, scope: tag === "th" ? "col" : null }, text));
      const heads = ["class", "x", "exp(x)", "share",
        "exp(x \u2212 largest)", "share"];
      rule.textContent = `x = (score + added) / temperature; the largest x is ${short(largest)}`;
      table.replaceChildren(
        html("thead", {}, html("tr", {}, ...cells("th", heads))),
        html("tbody", {}, ...names.map((name, i) =>
          html("tr", {},
            html("th", { scope: "row" }, name),
            ...cells("td", [
              short(scores[i]), short(Math.exp(scores[i])), short(naive[i], NAT),
              short(Math.exp(scores[i] - largest)), short(shares[i], NAT),
            ])))),
      );
    }

    // The arrow keys of a bar move by a step that fits its reach
    list.addEventListener("keydown", (event) => {
      const i = rows.findIndex((row) => row.slider === event.target);
      const sign = { ArrowRight: 1, ArrowUp: 1, ArrowLeft: -1, ArrowDown: -1,
        PageUp: 10, PageDown: -10 }[event.key];
      if (i < 0 || !sign) {
        return;
      }
      const limit = limitOf(state.logits);
      const logits = [...state.logits];
      const moved = logits[i] + (sign * limit) / 100;
      logits[i] = Number(Math.max(-limit, Math.min(limit, moved)).toFixed(3));
      update({ logits });
      event.preventDefault();
    });
    list.addEventListener("input", (event) => {
      // A dragged bar stops at numbers that can be read
      const i = rows.findIndex((row) => row.slider === event.target);
      if (i >= 0) {
        const { step } = rows[i];
        const logits = [...state.logits];
        logits[i] = Number((Math.round(logits[i] / step) * step).toFixed(2));
        update({ logits });
      }
    });

    const given = (address.read("z") || "").split(",").map((z) => A.readNumber(z, -MOST, MOST));
    const like = presets.find((preset) => preset.logits.length === given.length &&
      preset.logits.every((z, i) => z === given[i])) ||
      presets.find((preset) => preset.logits.length === given.length);
    if (like && !given.includes(null)) {
      names = like.names;
      state.logits = given;
    }
    const read = (name, min, max, part) => {
      const value = A.readNumber(address.read(name), min, max);
      if (value !== null) {
        part.set(value);
      }
      return value;
    };
    state.temperature = read("tau", 0.1, 10, temperature) || 1;
    state.shift = read("add", -1000, 1000, shift) || 0;
    build();
    update();
    ways.open = isBroken();
  }

  A.kinds.softmax = softmaxExplorer;
})();
