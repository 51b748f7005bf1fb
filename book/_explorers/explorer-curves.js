// Curves of training runs: choose some, read their values.
(function () {
  "use strict";

  const A = window.AlexNetExplorers;
  const { html, svg } = A;
  const HEIGHT = 300;
  const EDGE = { left: 46, right: 14, top: 26, bottom: 42 };

  /** Round numbers, at most about `count`, from low to high. */
  function ticks(low, high, count) {
    const raw = (high - low) / count;
    const power = 10 ** Math.floor(Math.log10(raw));
    const step = [1, 2, 5, 10].map((x) => x * power).find((x) => x >= raw);
    const found = [];
    for (let i = Math.ceil(low / step - 1e-9); i * step <= high + 1e-9; i += 1) {
      found.push(Number((i * step).toPrecision(12)));
    }
    return found;
  }

  /** Powers of ten, and twice and five times them where there is room. */
  function logTicks(low, high) {
    const found = [];
    const parts = high / low > 1e3 ? [1] : [1, 2, 5];
    for (let power = Math.floor(Math.log10(low)); power <= Math.log10(high); power += 1) {
      found.push(...parts.map((x) => x * 10 ** power));
    }
    return found.filter((x) => x >= low && x <= high);
  }

  /** A curve as moves and lines, cut where it is above a limit.
   *
   * Far beyond the chart, a line would be millions of pixels long.
   */
  function cut(xs, ys, limit) {
    const found = [];
    ys.forEach((y, j) => {
      const above = j > 0 && ys[j - 1] > limit;
      if (j > 0 && above !== y > limit) {
        const part = (limit - ys[j - 1]) / (y - ys[j - 1]);
        const x = xs[j - 1] + part * (xs[j] - xs[j - 1]);
        found.push([above ? "M" : "L", x, limit]);
      }
      if (y <= limit) {
        found.push([j > 0 ? "L" : "M", xs[j], y]);
      }
    });
    return found;
  }

  const plain = (number) =>
    number >= 1e4 ? number.toExponential(0).replace("e+", "e") : String(Number(number.toPrecision(6)));

  function curvesExplorer(body, figure, address) {
    const { set } = figure.dataset;
    const data = A.data.curves[set];
    if (!data) {
      throw new Error(`there are no curves named "${set}": run tools/explorers.py`);
    }
    const { runs, x: places } = data;
    const names = { chosen: `${set}-runs`, axis: `${set}-axis`, at: `${set}-at` };
    let chosen = runs.map(() => true);
    let isLog = false;
    let at = places.length - 1;

    const shown = (value) => A.short(value, value < 100 ? data.decimals : 0);
    const say = A.announcer(body);
    const chips = runs.map((run, i) => {
      const sample = svg("svg", { class: "x-sample", viewBox: "0 0 30 10", "aria-hidden": "true" },
        svg("path", { class: `s-curve s-run${i}`, d: "M1 5H29" }));
      const value = html("span", { class: "x-chip-value" });
      const button = html(
        "button", { type: "button", class: "x-chip x-run", "aria-pressed": "true",
          onclick: () => toggle(i) },
        sample, html("span", {}, run.name), value,
      );
      return { button, value };
    });
    const runsName = A.freshId();
    const all = html("button", { type: "button", class: "x-button", onclick: () => {
      chosen = runs.map(() => true);
      update();
    } }, "All curves");
    const axis = A.choices("Vertical axis",
      [{ label: "linear", log: false }, { label: "logarithmic", log: true }],
      ({ log }) => {
        isLog = log;
        update();
      });
    const where = html("span", { class: "x-where" });
    const chart = svg("svg", { class: "x-chart", role: "img" });
    const sliderName = A.freshId();
    const slider = html("input", {
      type: "range", min: 0, max: places.length - 1, step: 1, "aria-labelledby": sliderName,
    });
    const table = html("table", { class: "x-table" });
    const note = html("p", { class: "x-note" });
    body.append(
      html("p", { class: "x-head" }, data.title),
      html(
        "div", { class: "x-choices x-runs", role: "group", "aria-labelledby": runsName },
        html("span", { class: "x-choices-name", id: runsName }, data.runsName, ", ", where),
        html("span", { class: "x-chips" }, ...chips.map((chip) => chip.button)),
      ),
      html("div", { class: "x-views" }, axis.element, all),
      html("div", { class: "x-plot" }, chart),
      html("div", { class: "x-field x-scrub" },
        html("span", { id: sliderName }, `Read at ${data.xLabel}`), slider),
      note,
      html(
        "details", { class: "x-details" },
        html("summary", {}, "The numbers"),
        html("div", { class: "x-scroll", tabindex: 0, role: "region", "aria-label": `The numbers: ${data.title}` }, table),
      ),
      A.footer(figure, address, () => {
        chosen = runs.map(() => true);
        isLog = false;
        at = places.length - 1;
        update();
      }),
    );

    slider.addEventListener("input", () => move(Number(slider.value)));
    chart.addEventListener("pointermove", (event) => point(event));
    chart.addEventListener("pointerdown", (event) => point(event));

    function toggle(i) {
      chosen[i] = !chosen[i];
      update();
    }

    function move(next) {
      if (next !== at) {
        at = next;
        remember();
        read();
      }
    }

    function point(event) {
      const edge = chart.getBoundingClientRect();
      const { scaleX } = chart.scales;
      const x = ((event.clientX - edge.left) / edge.width) * chart.scales.width;
      const far = places.map((place) => Math.abs(scaleX(place) - x));
      slider.value = far.indexOf(Math.min(...far));
      move(Number(slider.value));
    }

    function remember() {
      const every = chosen.every(Boolean);
      address.write({
        [names.chosen]: every ? null : runs.map((_, i) => i).filter((i) => chosen[i]).join(",") || "none",
        [names.axis]: isLog ? "log" : null,
        [names.at]: at === places.length - 1 ? null : String(places[at]),
      });
    }

    function update() {
      remember();
      axis.mark(({ log }) => log === isLog);
      chips.forEach(({ button }, i) => button.setAttribute("aria-pressed", String(chosen[i])));
      draw();
      read();
    }

    /** The range of the vertical axis, and whether a curve leaves it. */
    function range() {
      const shown = runs.filter((_, i) => chosen[i]);
      const values = shown.flatMap((run) => run.values);
      const lines = data.line ? [data.line.value] : [];
      const top = Math.max(...values, ...lines);
      if (isLog) {
        const low = Math.min(...values, ...lines);
        return { low: low / 1.15, high: top * 1.15, over: false };
      }
      const over = data.top !== null && top > data.top;
      return { low: 0, high: over ? data.top : top * 1.06, over };
    }

    function draw() {
      const width = Math.max(280, Math.round(chart.parentNode.clientWidth || 680));
      const { low, high, over } = range();
      const scaleX = (x) => {
        const [a, b] = [places[0], places[places.length - 1]];
        return EDGE.left + 8 + ((x - a) / (b - a)) * (width - EDGE.left - EDGE.right - 16);
      };
      const part = isLog
        ? (y) => Math.log(y / low) / Math.log(high / low)
        : (y) => (y - low) / (high - low);
      const floor = HEIGHT - EDGE.bottom;
      const scaleY = (y) => floor - part(y) * (floor - EDGE.top);
      chart.scales = { scaleX, scaleY, width, high };
      const nodes = [];
      const named = []; // stands above the curves
      const text = (content, x, y, anchor = "middle", kind = "s-text") =>
        svg("text", { class: kind, x, y, "text-anchor": anchor }, content);
      const rows = isLog ? logTicks(low, high) : ticks(low, high, 5);
      for (const tick of rows) {
        const y = scaleY(tick);
        nodes.push(svg("path", { class: "s-rule", d: `M${EDGE.left} ${y}H${width - EDGE.right}` }));
        nodes.push(text(plain(tick), EDGE.left - 7, y + 4, "end"));
      }
      const columns = ticks(places[0], places[places.length - 1], width < 420 ? 5 : 8)
        .filter((tick) => Number.isInteger(tick));
      for (const tick of columns) {
        nodes.push(text(String(tick), scaleX(tick), floor + 18));
      }
      nodes.push(svg("path", { class: "s-axis", d: `M${EDGE.left} ${floor}H${width - EDGE.right}` }));
      nodes.push(text(data.xLabel, (EDGE.left + width - EDGE.right) / 2, HEIGHT - 5));
      nodes.push(text(data.yLabel, EDGE.left - 38, 11, "start"));
      if (data.line) {
        const y = scaleY(data.line.value);
        nodes.push(svg("path", { class: "s-dashed", d: `M${EDGE.left} ${y}H${width - EDGE.right}` }));
        named.push(text(data.line.name, EDGE.left + 0.68 * (width - EDGE.left), y - 6, "middle", "s-text s-halo"));
      }
      const clip = `${runsName}-clip`;
      nodes.push(svg("clipPath", { id: clip }, svg("rect", {
        x: EDGE.left, y: EDGE.top - 4, width: width - EDGE.left - EDGE.right, height: floor - EDGE.top + 8,
      })));
      const curves = svg("g", { "clip-path": `url(#${clip})` });
      runs.forEach((run, i) => {
        if (chosen[i]) {
          const path = cut(places, run.values, high * 1.02)
            .map(([move, x, y]) => `${move}${scaleX(x)} ${scaleY(y)}`)
            .join("");
          curves.append(svg("path", { class: `s-curve s-run${i}`, d: path }));
        }
      });
      const cursor = svg("g", { class: "s-cursor" });
      nodes.push(curves, ...named, cursor);
      chart.cursor = cursor;
      chart.setAttribute("viewBox", `0 0 ${width} ${HEIGHT}`);
      const seen = runs.filter((_, i) => chosen[i]).map((run) => run.name).join(", ");
      chart.setAttribute("aria-label", `${data.title}: ${seen || "no curve chosen"}. All numbers are in the table below.`);
      chart.replaceChildren(...nodes);
      note.textContent = over
        ? `This axis ends at ${data.top}; the logarithmic one shows what leaves it.`
        : "";
      drawTable();
    }

    function read() {
      const { scaleX, scaleY, high } = chart.scales;
      slider.value = at;
      slider.style.setProperty("--part", at / (places.length - 1));
      slider.setAttribute("aria-valuetext", `${data.xLabel} ${places[at]}`);
      where.textContent = `at ${data.xLabel} ${places[at]}:`;
      const x = scaleX(places[at]);
      const marks = [svg("path", { d: `M${x} ${EDGE.top}V${HEIGHT - EDGE.bottom}` })];
      const spoken = [];
      runs.forEach((run, i) => {
        const value = run.values[at];
        chips[i].value.textContent = shown(value);
        if (chosen[i]) {
          spoken.push(`${run.name} ${shown(value)}`);
          if (value <= high) {
            marks.push(svg("circle", { class: `s-dot s-run${i}`, cx: x, cy: scaleY(value), r: 4.5 }));
          }
        }
      });
      chart.cursor.replaceChildren(...marks);
      say(`${data.xLabel} ${places[at]}: ${spoken.join(", ") || "no curve chosen"}`);
    }

    function drawTable() {
      const head = [data.xLabel, ...runs.map((run) => run.name)];
      table.replaceChildren(
        html("caption", {}, data.title),
        html("thead", {}, html("tr", {}, ...head.map((name) => html("th", { scope: "col" }, name)))),
        html("tbody", {}, ...places.map((place, j) =>
          html("tr", {}, html("th", { scope: "row" }, String(place)),
            ...runs.map((run) => html("td", {}, shown(run.values[j])))))),
      );
    }

    const given = address.read(names.chosen);
    if (given !== null) {
      const places_ = given.split(",");
      chosen = runs.map((_, i) => places_.includes(String(i)));
    }
    isLog = address.read(names.axis) === "log";
    const place = places.indexOf(Number(address.read(names.at)));
    if (address.read(names.at) !== null && place >= 0) {
      at = place;
    }
    update();
    figure.addEventListener("explorer-shown", update);
    if (window.ResizeObserver) {
      let wide = 0;
      new ResizeObserver(() => {
        // Printing or a script may have taken the chart out of the page
        const now = chart.parentNode ? chart.parentNode.clientWidth : 0;
        if (now && now !== wide) {
          wide = now;
          draw();
          read();
        }
      }).observe(body);
    }
  }

  A.kinds.curves = curvesExplorer;
})();
