/**
 * Small plots as inline SVG: lines over the last minutes, whose label says how they
 * stand now. No style attributes: the content policy forbids them.
 */

const WIDE = 320;
const HIGH = 90;
const SVG = "http://www.w3.org/2000/svg";

function shape(name, properties, ...children) {
  const node = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(properties)) node.setAttribute(key, value);
  node.append(...children);
  return node;
}

/** A round number at or above *most*, so that a plot's scale seldom moves. */
export function ceiling(most) {
  if (!(most > 0)) return 1;
  const step = 10 ** Math.floor(Math.log10(most));
  return [1, 2, 5, 10].map((one) => one * step).find((one) => one >= most);
}

/** Parts of a line, broken where a value is missing. */
function parts(values, place) {
  const found = [];
  let current = [];
  values.forEach((value, index) => {
    if (value === null || value === undefined) current = [];
    else {
      if (!current.length) found.push(current);
      current.push(place(index, value));
    }
  });
  return found;
}

/**
 * Draw lines.
 *
 * @param {{label: string, values: (number|null)[]}[]} lines oldest value first, all of
 *   the same length
 * @param {{title: string, show: (value: number) => string, slots?: number}} plot *slots*
 *   values fill the width
 */
export function linesPlot(lines, { title, show, slots = 60 }) {
  const known = lines.flatMap(({ values }) => values.filter((one) => one !== null));
  const top = ceiling(Math.max(0, ...known));
  const place = (index, value, count) => {
    const x = WIDE - ((count - 1 - index) / (slots - 1)) * WIDE;
    return [x.toFixed(1), (HIGH - (value / top) * (HIGH - 4)).toFixed(1)];
  };
  const drawn = lines.flatMap(({ values }, number) =>
    parts(values, (index, value) => place(index, value, values.length)).map((points) =>
      points.length === 1
        ? shape("circle", { class: `dot line-${number}`, cx: points[0][0], cy: points[0][1], r: 2 })
        : shape("polyline", {
            class: `line-${number}`,
            points: points.map((one) => one.join(",")).join(" "),
          }),
    ),
  );
  const last = lines.map(({ label, values }) => `${label} ${said(values.at(-1), show)}`);
  return shape(
    "svg",
    {
      class: "plot",
      viewBox: `0 0 ${WIDE} ${HIGH + 2}`,
      preserveAspectRatio: "none",
      role: "img",
      "aria-label": `${title}: ${last.join(", ")}`,
    },
    shape("line", { class: "grid", x1: 0, x2: WIDE, y1: 4, y2: 4 }),
    shape("line", { class: "grid", x1: 0, x2: WIDE, y1: HIGH / 2 + 2, y2: HIGH / 2 + 2 }),
    shape("line", { class: "axis", x1: 0, x2: WIDE, y1: HIGH, y2: HIGH }),
    ...drawn,
  );
}

/** One bar of shares, for what stands now. */
export function sharesBar(shares, title) {
  const total = shares.reduce((sum, { value }) => sum + value, 0);
  let x = 0;
  const bars = shares.map(({ value }, number) => {
    const width = total ? (value / total) * WIDE : 0;
    const bar = shape("rect", { class: `fill-${number}`, x, y: 0, width, height: 14 });
    x += width;
    return bar;
  });
  const label = shares.map((one) => `${one.label} ${one.value}`).join(", ");
  return shape(
    "svg",
    {
      class: "bar",
      viewBox: `0 0 ${WIDE} 14`,
      preserveAspectRatio: "none",
      role: "img",
      "aria-label": `${title}: ${label}`,
    },
    ...bars,
  );
}

/** A value as people read it, or a dash. */
export function said(value, show) {
  return value === null || value === undefined ? "–" : show(value);
}
