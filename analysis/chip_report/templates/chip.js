"use strict";
// The page works without any of this; texts of files go in as text, never as markup.
(() => {
  const byId = (id) => document.getElementById(id);
  const know = JSON.parse(byId("glance").textContent);
  const chip = byId("chip"), tip = byId("tip"), panel = byId("panel"), ring = byId("ring"), chosen = byId("chosen");
  const marks = [...byId("marks").children];
  const count = know.name.length;
  const indexOf = new Map(know.name.map((name, n) => [name, n]));
  let lines = null, at = -1, opened = -1;

  // --- elements ---------------------------------------------------------------------------------

  const SVG = "http://www.w3.org/2000/svg";
  const fill = (element, parts) => { element.append(...parts.flat().filter((p) => p !== null && p !== undefined)); return element; };
  const make = (name, attributes = {}, ...parts) => {
    const element = document.createElement(name);
    for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
    return fill(element, parts);
  };
  const draw = (name, attributes = {}, ...parts) => {
    const element = document.createElementNS(SVG, name);
    for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
    return fill(element, parts);
  };
  // V_off and the like with a subscript; minus signs where numbers are negative.
  const words = (text) => text.replace(/(^|[\s(±,])-(?=\d)/g, "$1−").split(/\b([A-Z])_(off|max|s)\b/).map((part, n, all) =>
    n % 3 === 0 ? part : n % 3 === 1 ? fill(make("span"), [part, make("sub", {}, all[n + 1])]) : null);
  const sign = (verdict) => draw("svg", { class: "sign", viewBox: "-.6 -.6 1.2 1.2", "aria-hidden": "true" },
    draw("use", { href: `#m-${verdict}`, class: `m v-${verdict}` }));

  // --- the map: one handler, the nearest junction -------------------------------------------------

  const isShown = (n) => !marks[n].classList.contains("dim");
  const nearest = (event) => {
    const matrix = chip.getScreenCTM();
    if (!matrix) return -1;
    const here = new DOMPoint(event.clientX, event.clientY).matrixTransform(matrix.inverse());
    const reach = Math.max(0.75, 14 / matrix.a);
    let best = -1, least = reach * reach;
    for (let n = 0; n < count; n += 1) {
      const x = know.at[n][0] - here.x, y = know.at[n][1] - here.y, far = x * x + y * y;
      if (far < least && isShown(n)) { least = far; best = n; }
    }
    return best;
  };
  const put = (circle, n) => {
    circle.toggleAttribute("hidden", n < 0);
    if (n >= 0) circle.setAttribute("transform", `translate(${know.at[n][0]},${know.at[n][1]})`);
  };
  const hide = () => { at = -1; put(ring, -1); tip.hidden = true; };
  const show = (n) => {
    if (n < 0) { hide(); return; }
    if (n === at && !tip.hidden) return;
    at = n;
    put(ring, n);
    tip.replaceChildren(
      make("p", { class: "name" }, sign(know.verdict[n]), know.name[n], " ", make("span", { class: "soft" }, know.place[n])),
      make("p", {}, [know.verdict[n], know.kind[n]].filter(Boolean).join(", ")),
      ...know.tip[n].map((text) => make("p", { class: "num" }, words(text))),
      make("p", { class: "soft" }, words(know.reason[n])));
    tip.hidden = false;
    const box = marks[n].getBoundingClientRect(), size = tip.getBoundingClientRect(), gap = 8;
    const right = box.right + gap + size.width <= innerWidth ? box.right + gap : box.left - gap - size.width;
    const x = Math.min(Math.max(4, right), innerWidth - size.width - 4);
    const below = right < 4 ? box.bottom + gap : box.top;
    const y = below + size.height <= innerHeight - 4 ? below : Math.max(4, (right < 4 ? box.top - gap : box.bottom) - size.height);
    tip.style.transform = `translate(${Math.round(x)}px,${Math.round(y)}px)`;
  };
  chip.addEventListener("pointermove", (event) => { if (event.pointerType !== "touch") show(nearest(event)); });
  chip.addEventListener("pointerleave", hide);
  chip.addEventListener("blur", hide);
  chip.addEventListener("click", (event) => {
    const n = nearest(event);
    show(n);
    if (n >= 0) go(n);
  });
  addEventListener("scroll", () => { if (!tip.hidden) hide(); }, { passive: true });
  const STEPS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
  chip.addEventListener("keydown", (event) => {
    if (event.key === "Escape") hide();
    if (event.key === "Enter" && at >= 0) go(at);
    const way = STEPS[event.key];
    if (!way) return;
    event.preventDefault();
    let best = -1, least = Infinity;
    const from = at >= 0 ? at : opened;
    for (let n = 0; n < count; n += 1) {
      if (n === from || !isShown(n)) continue;
      if (from < 0) { best = n; break; }
      const x = know.at[n][0] - know.at[from][0], y = know.at[n][1] - know.at[from][1];
      const along = x * way[0] + y * way[1], aside = Math.abs(x * way[1]) + Math.abs(y * way[0]);
      if (along > 1e-6 && along + 3 * aside < least) { least = along + 3 * aside; best = n; }
    }
    if (best >= 0) show(best);
  });

  // --- what is shown, and how it is coloured ------------------------------------------------------

  const hidden = new Set();
  let split = "*";
  const filter = () => {
    for (let n = 0; n < count; n += 1)
      marks[n].classList.toggle("dim", hidden.has(know.verdict[n]) || (split !== "*" && know.split[n] !== split));
    const counts = {};
    for (let n = 0; n < count; n += 1) if (split === "*" || know.split[n] === split) counts[know.verdict[n]] = (counts[know.verdict[n]] || 0) + 1;
    for (const button of buttons) {
      button.setAttribute("aria-pressed", String(!hidden.has(button.dataset.verdict)));
      button.querySelector(".count").textContent = counts[button.dataset.verdict] || 0;
    }
    hide();
    paint();
  };
  const buttons = [...byId("legend").querySelectorAll("button")];
  byId("legend").addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (!button) return;
    const verdict = button.dataset.verdict;
    if (event.detail === 2) buttons.forEach((other) => hidden.add(other.dataset.verdict));
    if (event.detail === 2 || hidden.has(verdict)) hidden.delete(verdict); else hidden.add(verdict);
    if (hidden.size === buttons.length) hidden.clear();
    filter();
  });
  if (byId("split")) byId("split").addEventListener("change", (event) => { split = event.target.value; filter(); });

  const VIRIDIS = [[68, 1, 84], [65, 68, 135], [42, 120, 142], [34, 168, 132], [122, 209, 81], [253, 231, 37]];
  const colour = (share) => {
    const x = Math.min(Math.max(share, 0), 1) * 5, k = Math.min(Math.floor(x), 4);
    return `rgb(${VIRIDIS[k].map((c, n) => Math.round(c + (VIRIDIS[k + 1][n] - c) * (x - k))).join(",")})`;
  };
  const UNITS = { R: "Ω", P_max: "W", ratio: "×" };
  // The scale is that of what is shown: shorts that are hidden do not stretch it.
  const paint = () => {
    const by = byId("by").value, values = know.values[by], bar = byId("bar");
    bar.hidden = !by;
    byId("marks").classList.toggle("valued", Boolean(by));
    const known = by ? values.filter((value, n) => value > 0 && isShown(n)).map(Math.log) : [];
    const low = Math.min(...known), high = Math.max(...known);
    for (let n = 0; n < count; n += 1) {
      if (!by) { marks[n].style.removeProperty("--m"); continue; }
      const share = high > low ? (Math.log(values[n]) - low) / (high - low) : 0.5;
      marks[n].style.setProperty("--m", values[n] > 0 ? colour(share) : "var(--none)");
    }
    if (!by) return;
    const scale = make("i");
    scale.style.background = `linear-gradient(to right, ${[0, 1, 2, 3, 4, 5].map((k) => colour(k / 5)).join(",")})`;
    bar.replaceChildren(...(known.length
      ? [unit(Math.exp(low), UNITS[by]), scale, unit(Math.exp(high), UNITS[by]), " (logarithmic; grey: not known)"]
      : ["known of no junction"]));
  };
  byId("by").addEventListener("change", paint);

  // --- a junction opened ----------------------------------------------------------------------------

  const go = (n) => { open(n); location.hash = `j=${encodeURIComponent(know.name[n])}`; };
  document.addEventListener("click", (event) => {
    const link = event.target.closest("a.j");
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    go(indexOf.get(decodeURIComponent(link.hash.slice(3))));
    panel.scrollIntoView({ block: "start" });
    panel.focus({ preventScroll: true });
  });
  const follow = () => {
    const asked = location.hash.startsWith("#j=") ? decodeURIComponent(location.hash.slice(3)) : null;
    const n = asked === null ? undefined : indexOf.get(asked);
    if (n !== undefined && n !== opened) open(n);
  };
  const open = (n) => {
    lines = lines || byId("wholes").textContent.trim().split("\n");
    const all = JSON.parse(lines[n]);
    opened = n;
    put(chosen, n);
    panel.classList.add("opened");
    panel.replaceChildren(
      make("h3", {}, sign(know.verdict[n]), know.name[n]),
      make("p", {}, make("b", {}, [know.verdict[n], know.kind[n]].filter(Boolean).join(", ")), ` · ${know.place[n]}`),
      plots(all.curves, "iv"), plots(all.curves, "it"),
      make("h4", {}, "Why"), make("ul", {}, all.reasons.map((text) => make("li", {}, words(text)))),
      all.next ? make("p", {}, `To decide it would take: ${all.next}.`) : "",
      make("h4", {}, "Numbers"), table(all.numbers.map(([label, number, note]) => [words(label), [number, note ? make("small", {}, words(note)) : ""]])),
      make("h4", {}, "How the verdict came about"),
      make("ol", {}, all.history.map(([stage, verdict, reason, next]) =>
        make("li", {}, `${stage}: `, make("b", {}, verdict), ": ", words(reason), next ? make("span", { class: "soft" }, ` → ${next}`) : ""))),
      make("h4", {}, "Files"), table(all.files.map((file) => [
        [make("a", { href: file.href }, file.name)], [`${file.stage}, ${file.status}, ${file.started}`, make("br"), make("code", { class: "hash" }, file.sha256)]])));
    panel.scrollTop = 0;
    if (matchMedia("(max-width: 61.99rem)").matches) panel.scrollIntoView({ block: "nearest" });
  };
  const table = (rows) => make("table", {}, make("tbody", {}, rows.map(([a, b]) => make("tr", {}, make("td", {}, a), make("td", {}, b)))));

  // --- curves -----------------------------------------------------------------------------------------

  const PREFIX = [[1e12, "T"], [1e9, "G"], [1e6, "M"], [1e3, "k"], [1, ""], [1e-3, "m"], [1e-6, "µ"], [1e-9, "n"], [1e-12, "p"], [1e-15, "f"]];
  const prefix = (size) => PREFIX.find(([factor]) => size >= factor * 0.9999) || (size > 0 ? PREFIX[9] : PREFIX[4]);
  const plain = (value, digits = 3) => {
    const text = Math.abs(value) >= 1e5 || (value !== 0 && Math.abs(value) < 1e-4) ? value.toExponential(2) : String(Number(value.toPrecision(digits)));
    return text.replace("-", "−");
  };
  const unit = (value, name, digits = 3) => {
    if (name === "×") return `${plain(value, digits)}×`;
    const [factor, letter] = prefix(Math.abs(value));
    return `${plain(value / factor, digits)} ${letter}${name}`;
  };
  const STAGES = { contact: "contact", contact_again: "contact again", short_iv: "short I(V)", wide_iv: "wide I(V)", repeats: "repeats", at_zero: "I(t)", field: "in a field", temperature: "temperatures" };
  const DASHES = { contact: "1 2", contact_again: "4 2 1 2", short_iv: "", wide_iv: "7 2", repeats: "4 2", field: "2 2", temperature: "6 2 1 2", at_zero: "" };

  function plots(curves, kind) {
    const mine = curves.filter((curve) => curve.kind === kind).map((curve) => ({
      ...curve, x: curve.x.map((k) => k * curve.dx), y: curve.y.map((k) => k * curve.dy) }));
    if (!mine.length) return kind === "iv" ? make("p", { class: "hint" }, "No I(V) was measured.") : "";
    const stages = [...new Set(mine.map((curve) => curve.stage))];
    const off = new Set(), box = make("div");
    let range = null;
    const reaches = mine.map((curve) => Number(Math.max(...curve.x.map(Math.abs)).toPrecision(1))).sort((a, b) => a - b);
    const ranges = kind === "iv" ? reaches.filter((reach, n) => reach * 2.5 <= reaches[reaches.length - 1] && (!n || reach > reaches[n - 1] * 1.5)) : [];
    const again = () => box.replaceChildren(
      make("div", { class: "bar" }, stages.map((stage) => {
        const button = make("button", { type: "button", "aria-pressed": String(!off.has(stage)) },
          draw("svg", { viewBox: "0 0 26 8" }, draw("line", { x1: 0, x2: 26, y1: 4, y2: 4, "stroke-width": 2, class: `s-${stage}`, "stroke-dasharray": DASHES[stage] })), STAGES[stage]);
        button.addEventListener("click", () => { if (off.has(stage)) off.delete(stage); else off.add(stage); again(); });
        return button;
      }),
      ranges.length ? [null, ...ranges].map((size) => {
        const button = make("button", { type: "button", "aria-pressed": String(range === size) }, size === null ? "all" : `±${unit(size, "V")}`);
        button.addEventListener("click", () => { range = size; again(); });
        return button;
      }) : ""),
      plot(mine.filter((curve) => !off.has(curve.stage)), kind, range));
    again();
    return box;
  }

  const ticks = (low, high, most) => {
    const raw = (high - low) / most, power = 10 ** Math.floor(Math.log10(raw));
    const step = [1, 2, 5, 10].map((k) => k * power).find((one) => one >= raw * 0.999);
    const found = [];
    for (let k = Math.ceil(low / step - 1e-9); k * step <= high + step * 1e-9; k += 1) found.push(k * step);
    return found;
  };
  const spread = (values, share) => {
    const low = Math.min(...values), high = Math.max(...values), room = (high - low || Math.abs(high) || 1) * share;
    return [low - room, high + room];
  };

  function plot(curves, kind, range) {
    const W = 460, H = kind === "iv" ? 300 : 190, left = 54, right = 12, top = 10, bottom = 36;
    const svg = draw("svg", { class: "plot", viewBox: `0 0 ${W} ${H}`, role: "img", "aria-label": kind === "iv" ? "current against voltage" : "current against time" });
    const inside = (curve) => curve.x.map((x, n) => (range === null || Math.abs(x) <= range * 1.02 ? n : -1)).filter((n) => n >= 0);
    const xs = curves.flatMap((curve) => inside(curve).map((n) => curve.x[n])), ys = curves.flatMap((curve) => inside(curve).map((n) => curve.y[n]));
    if (!xs.length) return svg;
    const [x0, x1] = spread(xs, 0.03), [y0, y1] = spread(kind === "it" ? [...ys, 0] : ys, 0.06);
    const X = (x) => left + (x - x0) / (x1 - x0) * (W - left - right), Y = (y) => H - bottom - (y - y0) / (y1 - y0) * (H - top - bottom);
    const [fx, lx] = prefix(Math.max(Math.abs(x0), Math.abs(x1)) / 1.5), [fy, ly] = prefix(Math.max(Math.abs(y0), Math.abs(y1)) / 1.5);
    for (const x of ticks(x0, x1, 7)) svg.append(draw("line", { class: x ? "grid" : "zero", x1: X(x), x2: X(x), y1: top, y2: H - bottom }), draw("text", { x: X(x), y: H - bottom + 14, "text-anchor": "middle" }, plain(x / fx)));
    for (const y of ticks(y0, y1, 6)) svg.append(draw("line", { class: Math.abs(y) < 1e-6 * (y1 - y0) ? "zero" : "grid", x1: left, x2: W - right, y1: Y(y), y2: Y(y) }), draw("text", { x: left - 5, y: Y(y) + 4, "text-anchor": "end" }, plain(Math.abs(y) < 1e-9 * (y1 - y0) ? 0 : y / fy)));
    svg.append(draw("text", { x: (left + W - right) / 2, y: H - 4, "text-anchor": "middle" }, kind === "iv" ? `V (${lx}V)` : `t (${lx}s)`),
      draw("text", { x: 12, y: (top + H - bottom) / 2, "text-anchor": "middle", transform: `rotate(-90 12 ${(top + H - bottom) / 2})` }, `I (${ly}A)`));
    const clip = `clip-${kind}`;
    svg.append(draw("clipPath", { id: clip }, draw("rect", { x: left, y: top, width: W - left - right, height: H - top - bottom })));
    const area = draw("g", { "clip-path": `url(#${clip})` });
    for (const curve of curves) {
      const held = new Set(curve.held), points = curve.x.map((x, n) => [X(x), Y(curve.y[n]), n]);
      const path = points.map(([x, y], n) => `${n ? "L" : "M"}${x.toFixed(1)} ${y.toFixed(1)}`).join("");
      const label = `${STAGES[curve.stage]}${curve.under ? `, ${curve.under}` : ""}`;
      area.append(draw("path", { d: path, class: `s-${curve.stage}`, "stroke-dasharray": DASHES[curve.stage] }, draw("title", {}, label)));
      const dots = points.length <= 60;
      for (const [x, y, n] of points)
        if (held.has(n)) area.append(draw("circle", { cx: x.toFixed(1), cy: y.toFixed(1), r: 3, class: `s-${curve.stage} held` }, draw("title", {}, `${label}: in compliance`)));
        else if (dots) area.append(draw("circle", { cx: x.toFixed(1), cy: y.toFixed(1), r: 1.8, class: `s-${curve.stage} pt` }));
    }
    svg.append(area, draw("rect", { class: "frame", x: left, y: top, width: W - left - right, height: H - top - bottom }));
    const told = curves.find((curve) => curve.told), offsets = [];
    if (told && typeof told.v_off === "number") offsets.push([told.v_off, 0, `V_off = ${unit(told.v_off, "V", 4)}`]);
    if (told && typeof told.i_off === "number") offsets.push([0, told.i_off, `I_off = ${unit(told.i_off, "A", 4)}`]);
    for (const [x, y, text] of offsets) {
      if (x < x0 || x > x1 || y < y0 || y > y1) continue;
      const onRight = X(x) < (left + W - right) / 2 + 1;
      svg.append(draw("rect", { class: "off", x: X(x) - 4, y: Y(y) - 4, width: 8, height: 8, transform: `rotate(45 ${X(x)} ${Y(y)})` }),
        draw("text", { class: "at", x: X(x) + (onRight ? 9 : -9), y: Y(y) + (x ? -8 : 14), "text-anchor": onRight ? "start" : "end" },
          text[0], draw("tspan", { dy: 3, "font-size": "8px" }, "off"), draw("tspan", { dy: -3 }, text.slice(5))));
    }
    return svg;
  }

  // --- tables, search, begin ----------------------------------------------------------------------------

  for (const heads of document.querySelectorAll("table.sortable thead")) heads.addEventListener("click", (event) => {
    const head = event.target.closest("th");
    const column = [...head.parentNode.children].indexOf(head), body = head.closest("table").tBodies[0];
    const isNumber = head.hasAttribute("data-n"), was = head.getAttribute("aria-sort");
    const down = was ? was === "ascending" : isNumber && column > 1;
    for (const other of head.parentNode.children) other.removeAttribute("aria-sort");
    head.setAttribute("aria-sort", down ? "descending" : "ascending");
    const key = (row) => { const cell = row.cells[column]; return isNumber ? (cell.dataset.v === "" ? null : Number(cell.dataset.v)) : cell.textContent; };
    const order = (a, b) => (a === null) - (b === null) || (isNumber ? a - b : a.localeCompare(b, undefined, { numeric: true })) * (down ? -1 : 1);
    body.append(...[...body.rows].map((row) => [key(row), row]).sort((a, b) => order(a[0], b[0])).map(([, row]) => row));
  });
  byId("find").addEventListener("input", (event) => {
    const asked = event.target.value.trim().toLowerCase();
    const n = asked ? know.name.findIndex((name) => name.toLowerCase() === asked) : -1;
    const like = n >= 0 || !asked ? n : know.name.findIndex((name) => name.toLowerCase().includes(asked));
    show(like);
  });
  byId("find").addEventListener("keydown", (event) => { if (event.key === "Enter" && at >= 0) go(at); });
  addEventListener("hashchange", follow);
  document.querySelector(".tools").hidden = false;
  filter();
  follow();
})();
