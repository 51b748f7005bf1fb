// How large the output of a convolution or a pool is, and why.
(function () {
  "use strict";

  const A = window.AlexNetExplorers;
  const { html, svg, whole, several } = A;
  const BOUNDS = {
    size: [1, 256], kernel: [1, 31], stride: [1, 16],
    padding: [0, 31], dilation: [1, 8],
    channelsIn: [1, 4096], channelsOut: [1, 4096],
  };
  // Names in the address: short, and no other explorer's
  const NAMES = {
    size: "n", kernel: "k", stride: "s", padding: "p", dilation: "d",
    channelsIn: "ci", channelsOut: "co",
  };
  const LABELS = {
    size: "Input side", kernel: "Kernel", stride: "Stride",
    padding: "Padding", dilation: "Dilation",
    channelsIn: "Channels in", channelsOut: "Channels out",
  };
  const LINES = 48; // with more pixels a side, no lines between them
  const STEP = 320; // milliseconds for each window of a small grid
  const LONGEST = 14000; // and for all windows of a large one

  // The picture: a flower of petals and a disc, from 0, dark, to 1, light

  function flower(x, y) {
    const [dx, dy] = [x - 0.5, y - 0.46];
    const [far, turn] = [Math.hypot(dx, dy), Math.atan2(dy, dx)];
    const petal = 0.24 + 0.15 * Math.cos(7 * turn + 0.5);
    if (far < 0.1) {
      return 0.42 - 0.8 * far;
    }
    if (far < petal) {
      return 0.98 - 0.75 * (petal - far);
    }
    const stem = 0.5 + 0.16 * (y - 0.5) ** 2;
    return y > 0.46 && Math.abs(x - stem) < 0.025 ? 0.55 : 0.14 + 0.1 * y;
  }

  function picture(size) {
    const side = [...Array(size).keys()].map((i) => (i + 0.5) / size);
    return side.map((y) => side.map((x) => flower(x, y)));
  }

  /** Each row reduced to its windows; done twice, it is the whole layer. */
  function alongRows(rows, setting, out, empty) {
    const { kernel, stride, padding, dilation, pool } = setting;
    return rows.map((row) =>
      Array.from({ length: out }, (_, i) => {
        let found = pool ? -Infinity : 0;
        for (let j = 0; j < kernel; j += 1) {
          const at = i * stride + j * dilation - padding;
          const value = at >= 0 && at < row.length ? row[at] : empty;
          found = pool ? Math.max(found, value) : found + value / kernel;
        }
        return found;
      }),
    );
  }

  const turned = (rows) => rows[0].map((_, i) => rows.map((row) => row[i]));

  function layer(rows, setting, out) {
    const empty = setting.pool ? -Infinity : 0;
    const once = alongRows(rows, setting, out, empty);
    return turned(alongRows(turned(once), setting, out, empty));
  }

  function paint(canvas, rows) {
    canvas.width = rows[0].length;
    canvas.height = rows.length;
    const context = canvas.getContext("2d");
    const pixels = context.createImageData(canvas.width, canvas.height);
    rows.flat().forEach((value, i) => {
      const gray = Math.round(255 * Math.max(0, Math.min(1, value)));
      pixels.data.set([gray, gray, gray, 255], 4 * i);
    });
    context.putImageData(pixels, 0, 0);
  }

  const lines = (from, to) => {
    let path = "";
    for (let at = from; at <= to; at += 1) {
      path += `M${from} ${at}H${to}M${at} ${from}V${to}`;
    }
    return path;
  };
  const box = (x, y, w, h) => `M${x} ${y}h${w}v${h}h${-w}z`;

  // Words

  function problemInWords(setting, found) {
    const { kernel, dilation, padding } = setting;
    const spread = dilation > 1 ? ` with dilation ${dilation}` : "";
    if (found.problem === "reach") {
      const laid = padding ? ", padding included," : "";
      return `No window fits: a kernel of ${kernel}${spread} reaches over ` +
        `${several(found.reach, "pixel")}, but the line${laid} has only ` +
        `${found.padded}. Take a larger input, a smaller kernel or more ` +
        "padding.";
    }
    return `PyTorch refuses this pool: its padding, ${padding}, may be at ` +
      `most half of the ${several(found.reach, "pixel")} that its window ` +
      "reaches over, or a window could lie on padding alone. Take padding " +
      `${Math.floor(found.reach / 2)} or less.`;
  }

  const listed = (parts) => parts.filter(Boolean).join(" and ");

  /** What lies behind the last window, and between the windows. */
  function restInWords(setting, found) {
    const { stride, padding, size } = setting;
    const last = (found.out - 1) * stride + found.reach - 1;
    const end = found.padded - 1;
    const missed = A.unseen(setting);
    const tail = missed.filter((pixel) => pixel > last);
    const between = missed.length - tail.length;
    const first = Math.max(padding + size, last + 1);
    const ofPadding = Math.max(0, found.padded - first);
    const ofPicture = tail.length - ofPadding;
    let text = `The last window ends at pixel ${last}, `;
    if (tail.length === 0) {
      text += "and so does the line: the windows fit exactly.";
    } else {
      const parts = listed([
        ofPicture && `${ofPicture} of the picture`,
        ofPadding && `${ofPadding} of the padding`,
      ]);
      const which = tail.length === 1
        ? `the last pixel, ${parts.replace("1", "one")}`
        : `the last ${tail.length} pixels: ${parts}`;
      text += `the line at pixel ${end}. No window looks at ${which}.`;
    }
    if (between > 0) {
      text += ` No weight ever falls on ${several(between, "more pixel")} ` +
        "of each line.";
    }
    return { text, tail, between, last };
  }

  /** The formula, once in letters and twice with its numbers. */
  function formula(setting, found) {
    const { size, padding, dilation, kernel, stride } = setting;
    const letter = (name) => html("i", {}, name);
    const over = (top, below) =>
      html("span", { class: "x-over" }, html("span", {}, ...top), html("span", {}, ...below));
    const floor = (...inner) =>
      html("span", { class: "x-floor" }, ...inner);
    const exact = Number(found.steps.toFixed(2));
    const rounded = `${Math.abs(exact - found.steps) < 1e-9 ? "" : "≈ "}${exact}`;
    const top = `${size} + 2·${padding} − ${dilation}·(${kernel} − 1) − 1`;
    const rows = [
      [
        "n plus 2 p minus d times (k minus 1) minus 1, over s, rounded down, plus 1",
        floor(over(
          [letter("n"), " + 2", letter("p"), " − ", letter("d"), "(", letter("k"), " − 1) − 1"],
          [letter("s")],
        )), " + 1",
      ],
      [`is ${top} over ${stride}, rounded down, plus 1`, "= ", floor(over([top], [String(stride)])), " + 1"],
      [
        `is ${exact} rounded down, plus 1, is ${found.out}`,
        "= ", floor(over([String(found.room)], [String(stride)])), " + 1 = ",
        floor(rounded), " + 1 = ", html("b", {}, String(found.out)),
      ],
    ];
    return rows.map(([spoken, ...parts]) =>
      html("p", { class: "x-math", role: "math", "aria-label": spoken }, ...parts));
  }

  // The explorer

  function outputSizeExplorer(body, figure, address) {
    const presets = A.data.layers;
    const start = { ...presets[0].setting };
    let setting = { ...start };
    let found = null;
    let at = 0; // the window shown, counted row by row
    let frame = 0; // of the animation; 0 while it stands still
    const calm = window.matchMedia("(prefers-reduced-motion: reduce)");

    // Controls

    const fields = {};
    for (const [key, [min, max]] of Object.entries(BOUNDS)) {
      fields[key] = A.field({
        label: LABELS[key], min, max, value: setting[key],
        change: (value) => update({ [key]: value }),
      });
    }
    const kinds = A.choices(
      "Layer",
      [{ label: "convolution", pool: false }, { label: "max pool", pool: true }],
      ({ pool }) => {
        const channelsOut = pool ? setting.channelsIn : setting.channelsOut;
        update({ pool, channelsOut });
      },
    );
    const groups = [...new Set(presets.map((preset) => preset.group))];
    const rows = groups.map((group) =>
      A.choices(
        group,
        presets.filter((preset) => preset.group === group),
        (preset) => update({ ...preset.setting }),
      ),
    );
    const note = html("p", { class: "x-note" });
    const problem = html("p", { class: "x-problem", role: "alert" });
    const say = A.announcer(body);

    // The two grids

    const inPicture = html("canvas", { class: "x-canvas", "aria-hidden": "true" });
    const outPicture = html("canvas", { class: "x-canvas", "aria-hidden": "true" });
    const part = (name, tag = "path") => svg(tag, { class: name });
    const inside = {
      padding: part("s-padding"), lines: part("s-lines"),
      unseen: part("s-unseen"), edge: part("s-edge"),
      taps: part("s-taps"), window: part("s-window"),
    };
    const outside = {
      later: part("s-later"), lines: part("s-lines"), now: part("s-now"),
    };
    const drawing = (parts) =>
      svg("svg", { class: "x-grid", preserveAspectRatio: "none", "aria-hidden": "true" },
        ...Object.values(parts));
    const inGrid = drawing(inside);
    const outGrid = drawing(outside);
    const inTitle = html("p", { class: "x-title" });
    const outTitle = html("p", { class: "x-title" });
    const hint = A.freshId();
    const outFrame = html("div", { class: "x-frame", onclick: jump }, outPicture, outGrid);
    const stage = html(
      "div",
      { class: "x-stage", tabindex: 0, role: "application", "aria-describedby": hint,
        onkeydown: press },
      html("div", {}, inTitle, html("div", { class: "x-frame", onclick: jumpInput }, inPicture, inGrid)),
      html("div", {}, outTitle, outFrame),
    );
    const place = html("p", { class: "x-place" });
    const button = (label, text, onclick) =>
      html("button", { type: "button", class: "x-button x-icon", "aria-label": label, title: label, onclick }, text);
    const play = html("button", { type: "button", class: "x-button x-play", onclick: toggle });
    const transport = html(
      "div", { class: "x-transport" },
      button("First window", "|‹", () => show(0)),
      button("One window back", "‹", () => show(at - 1)),
      play,
      button("One window on", "›", () => show(at + 1)),
      button("Last window", "›|", () => show(count() - 1)),
      place,
    );
    const help = html(
      "p", { class: "x-help", id: hint },
      "Click or tap a place in either grid, or focus the grids and use the " +
      "arrow keys, Home and End; Space plays.",
    );
    const strip = svg("svg", { class: "x-strip", "aria-hidden": "true" });
    const stripTitle = html("p", { class: "x-title" });
    const rest = html("p", { class: "x-rest" });
    const formulas = html("div", { class: "x-formula" });
    const facts = html("dl", { class: "x-facts" });
    const results = html(
      "div", { class: "x-results" },
      stage, transport, help,
      html("div", { class: "x-end" }, stripTitle, strip, rest),
      facts,
    );

    const count = () => found.out * found.out;
    // Where a setting is shown first: in the middle of its work
    const midway = () => Math.floor(found.out * 0.45) * found.out + Math.floor(found.out * 0.6);
    const order = ["size", "kernel", "stride", "padding", "dilation"];
    const channels = ["channelsIn", "channelsOut"];
    body.append(
      html("p", { class: "x-head" }, "How large is the output?"),
      ...rows.map((row) => row.element),
      note,
      html(
        "div", { class: "x-columns" },
        html(
          "div", { class: "x-controls" },
          kinds.element,
          ...[...order, ...channels].map((key) => fields[key].element),
        ),
        html("div", { class: "x-answer" }, formulas, problem),
      ),
      results,
      A.footer(figure, address, () => update({ ...start })),
    );

    // What the numbers say

    function update(change) {
      stop();
      setting = { ...setting, ...change };
      if (setting.pool) {
        setting.channelsOut = setting.channelsIn;
      }
      for (const [key, part] of Object.entries(fields)) {
        if (Number(part.number.value) !== setting[key]) {
          part.set(setting[key]);
        }
      }
      const values = { t: setting.pool === start.pool ? null : setting.pool ? "m" : "c" };
      for (const [key, name] of Object.entries(NAMES)) {
        values[name] = setting[key] === start[key] ? null : String(setting[key]);
      }
      address.write(values);
      render();
    }

    function same(preset) {
      return Object.keys(preset.setting).every((key) => preset.setting[key] === setting[key]);
    }

    function render() {
      found = A.outputSize(setting);
      const chosen = presets.find(same);
      rows.forEach((row) => row.mark((preset) => preset === chosen));
      kinds.mark(({ pool }) => pool === setting.pool);
      note.textContent = (chosen && chosen.note) || "";
      fields.channelsOut.number.disabled = setting.pool;
      fields.channelsOut.slider.disabled = setting.pool;
      problem.textContent = found.problem ? problemInWords(setting, found) : "";
      results.hidden = Boolean(found.problem);
      if (found.problem) {
        formulas.replaceChildren(html("p", { class: "x-big" }, `${setting.size} → none`));
        return;
      }
      at = midway();
      const { size, padding } = setting;
      formulas.replaceChildren(
        html("p", { class: "x-big" }, `${size} → ${found.out}`),
        ...formula(setting, found),
      );
      renderGrids();
      renderStrip();
      renderFacts();
      show(at, true);
      const { parameters, macs } = A.cost(setting, found.out);
      say(`${size} becomes ${found.out}. ${restInWords(setting, found).text} ` +
        `${whole(parameters)} parameters, ${whole(macs)} multiply-adds.`);
    }

    function renderGrids() {
      const { size, padding, pool } = setting;
      const { padded, out } = found;
      const rowsIn = picture(size);
      paint(inPicture, rowsIn);
      const share = (pixels) => `${(100 * pixels) / padded}%`;
      Object.assign(inPicture.style, {
        left: share(padding), top: share(padding),
        width: share(size), height: share(size),
      });
      paint(outPicture, layer(rowsIn, setting, out));
      inGrid.setAttribute("viewBox", `0 0 ${padded} ${padded}`);
      outGrid.setAttribute("viewBox", `0 0 ${out} ${out}`);
      inside.padding.setAttribute(
        "d",
        padding ? box(0, 0, padded, padded) + `M${padding} ${padding}v${size}h${size}v${-size}z` : "",
      );
      inside.edge.setAttribute("d", box(padding, padding, size, size));
      inside.lines.setAttribute("d", padded <= LINES ? lines(0, padded) : "");
      outside.lines.setAttribute("d", out <= LINES ? lines(0, out) : "");
      inside.unseen.setAttribute(
        "d",
        A.unseen(setting)
          .map((i) => box(i, 0, 1, padded) + box(0, i, padded, 1))
          .join(""),
      );
      let taps = "";
      for (let i = 0; i < setting.kernel; i += 1) {
        for (let j = 0; j < setting.kernel; j += 1) {
          taps += box(j * setting.dilation, i * setting.dilation, 1, 1);
        }
      }
      const { reach } = found;
      inside.taps.setAttribute("d", setting.dilation > 1 ? taps : box(0, 0, reach, reach));
      inside.window.setAttribute("d", box(0, 0, reach, reach));
      const laid = padding ? `, with padding ${padded} × ${padded}` : "";
      inTitle.textContent = `Input ${size} × ${size}${laid}`;
      outTitle.textContent = `Output ${out} × ${out}`;
    }

    function renderStrip() {
      const { stride, padding, size, kernel, dilation } = setting;
      const { out, reach, padded } = found;
      const width = Math.max(280, Math.round(strip.clientWidth || 640));
      const fits = Math.max(24, Math.floor(width / 14));
      let shown = Math.min(out, 4);
      const from = (windows) => (out - windows) * stride;
      while (shown > 1 && padded - from(shown) > fits) {
        shown -= 1;
      }
      const left = Math.max(0, Math.min(from(shown), padded - fits));
      const unit = Math.min(width / (padded - left), 34);
      const cell = Math.min(unit, 22);
      const bar = 11;
      const top = shown * (bar + 5) + 4;
      const x = (pixel) => (pixel - left) * unit;
      const missed = new Set(A.unseen(setting));
      const parts = [];
      for (let i = 0; i < shown; i += 1) {
        const begin = (out - shown + i) * stride;
        const y = i * (bar + 5);
        parts.push(svg("rect", { class: "s-reach", x: x(begin), y: y + bar / 2 - 1, width: reach * unit, height: 2 }));
        const taps = dilation === 1 ? [[0, reach]] : [...Array(kernel).keys()].map((j) => [j * dilation, 1]);
        for (const [j, wide] of taps) {
          parts.push(svg("rect", { class: "s-bar", x: x(begin + j) + 0.75, y, width: wide * unit - 1.5, height: bar, rx: 2 }));
        }
      }
      for (let pixel = left; pixel < padded; pixel += 1) {
        const padding_ = pixel < padding || pixel >= padding + size;
        const kind = missed.has(pixel) ? "s-missed" : padding_ ? "s-pad" : "s-pixel";
        parts.push(svg("rect", { class: `s-cell ${kind}`, x: x(pixel) + 0.5, y: top, width: unit - 1, height: cell }));
      }
      const labelled = [left, padded - 1];
      for (const pixel of labelled) {
        parts.push(svg("text", {
          class: "s-text", x: pixel === left ? x(left) : x(padded), y: top + cell + 15,
          "text-anchor": pixel === left ? "start" : "end",
        }, String(pixel)));
      }
      const height = Math.ceil(top + cell + 20);
      const wide = Math.max(unit * (padded - left), 40);
      strip.setAttribute("viewBox", `0 0 ${width} ${height}`);
      strip.style.height = `${height}px`;
      strip.replaceChildren(svg("g", { transform: `translate(${Math.max(0, (width - wide) / 2)} 0)` }, ...parts));
      const words = restInWords(setting, found);
      const windows = shown === 1 ? "the last window" : `the last ${shown} of ${out} windows`;
      stripTitle.textContent = shown === out
        ? `A whole line and its ${several(out, "window")}`
        : `The end of a line: ${windows}`;
      rest.textContent = words.text;
      rest.classList.toggle("x-exact", words.tail.length + words.between === 0);
    }

    function renderFacts() {
      const { pool, channelsIn, channelsOut, kernel } = setting;
      const { out } = found;
      const { weights, biases, parameters, macs } = A.cost(setting, out);
      const square = `${kernel} · ${kernel}`;
      const fact = (name, value, how) => [
        html("div", {}, html("dt", {}, name), html("dd", {}, html("strong", {}, value), html("span", {}, how))),
      ];
      facts.replaceChildren(
        ...fact("Output", `${whole(channelsOut)} × ${out} × ${out}`,
          `${whole(channelsOut * out * out)} numbers for each picture`),
        ...fact("Parameters", whole(parameters), pool
          ? "a pool learns nothing"
          : `${channelsOut} · ${channelsIn} · ${square} weights + ${several(biases, "bias").replace("biass", "biases")}`),
        ...fact("Multiply-adds (MACs)", whole(macs), pool
          ? "a pool compares, and multiplies nothing"
          : `${whole(weights)} weights · ${out} · ${out} places`),
      );
    }

    // The window that is shown

    function show(next, quietly) {
      if (found.problem) {
        return;
      }
      at = Math.max(0, Math.min(count() - 1, next));
      const { out, reach } = found;
      const [row, column] = [Math.floor(at / out), at % out];
      const spill = out / 300; // no seam at the edge of the picture below
      const [y, x] = [row * setting.stride, column * setting.stride];
      const move = `translate(${x} ${y})`;
      inside.window.setAttribute("transform", move);
      inside.taps.setAttribute("transform", move);
      outside.now.setAttribute("d", box(column, row, 1, 1));
      outside.later.setAttribute(
        "d",
        column + 1 < out || row + 1 < out
          ? box(column + 1, row, out - column - 1 + spill, 1) + box(0, row + 1, out + spill, out - row - 1 + spill)
          : "",
      );
      const range = (begin) => (reach === 1 ? `${begin}` : `${begin} to ${begin + reach - 1}`);
      const words = `Window ${whole(at + 1)} of ${whole(count())}`;
      const where = `rows ${range(y)}, columns ${range(x)}`;
      place.textContent = `${words}: ${where}`;
      stage.setAttribute("aria-label", `Output row ${row}, column ${column} of ${out} by ${out}`);
      if (!quietly && !frame) {
        say(`Row ${row}, column ${column}: reads ${where}`);
      }
    }

    function press(event) {
      const { out } = found;
      const row = Math.floor(at / out);
      const moves = {
        ArrowLeft: at - 1, ArrowRight: at + 1,
        ArrowUp: row > 0 ? at - out : at,
        ArrowDown: row < out - 1 ? at + out : at,
        Home: 0, End: count() - 1,
      };
      const plain = !(event.ctrlKey || event.metaKey || event.altKey);
      if (plain && event.key in moves) {
        stop();
        show(moves[event.key]);
        event.preventDefault();
      } else if (plain && event.key === " ") {
        toggle();
        event.preventDefault();
      }
    }

    /** The place in a frame that was clicked, in parts of its side. */
    function clicked(event) {
      const edge = event.currentTarget.getBoundingClientRect();
      return [
        (event.clientX - edge.left) / edge.width,
        (event.clientY - edge.top) / edge.height,
      ];
    }

    function jump(event) {
      const [column, row] = clicked(event).map((part) =>
        Math.max(0, Math.min(found.out - 1, Math.floor(part * found.out))));
      stop();
      show(row * found.out + column);
    }

    /** The window whose middle is nearest to the place clicked. */
    function jumpInput(event) {
      const [column, row] = clicked(event).map((part) => {
        const begin = part * found.padded - found.reach / 2;
        return Math.max(0, Math.min(found.out - 1, Math.round(begin / setting.stride)));
      });
      stop();
      show(row * found.out + column);
    }

    // Play

    function stop() {
      cancelAnimationFrame(frame);
      frame = 0;
      labelPlay();
    }

    function labelPlay() {
      play.textContent = frame ? "Pause" : calm.matches ? "Show all" : "Play";
    }

    function toggle() {
      if (frame) {
        stop();
        show(at); // says where it stands
        return;
      }
      if (calm.matches) {
        show(count() - 1);
        return;
      }
      const all = count() - 1;
      const length = Math.min(LONGEST, STEP * all);
      // A large grid starts slowly and ends fast: its windows are too many
      const power = STEP * all > LONGEST ? 2 : 1;
      const done = at >= all ? 0 : at / Math.max(all, 1);
      const origin = performance.now() - length * done ** (1 / power);
      const draw = (now) => {
        const part = length ? Math.min(1, Math.max(0, now - origin) / length) : 1;
        show(Math.round(all * part ** power), true);
        if (part < 1) {
          frame = requestAnimationFrame(draw);
        } else {
          stop();
        }
      };
      frame = requestAnimationFrame(draw);
      labelPlay();
    }

    // Start

    const given = {};
    for (const [key, name] of Object.entries(NAMES)) {
      const value = A.readNumber(address.read(name), ...BOUNDS[key], true);
      if (value !== null) {
        given[key] = value;
      }
    }
    const kind = address.read("t");
    if (kind === "m" || kind === "c") {
      given.pool = kind === "m";
    }
    setting = { ...setting, ...given };
    update({});
    labelPlay();
    calm.addEventListener("change", labelPlay);
    if (window.ResizeObserver) {
      let wide = 0;
      new ResizeObserver(() => {
        if (strip.clientWidth && strip.clientWidth !== wide && !found.problem) {
          wide = strip.clientWidth;
          renderStrip();
        }
      }).observe(body);
    }
  }

  A.kinds["output-size"] = outputSizeExplorer;
})();
