// Draws each [data-plot] from the JSON it names, in the colours of the stylesheet, again when light and dark change.
const drawn = new Map();
const DASHES = [[], [6, 4], [2, 3]];

function colour(variable) {
  const probe = document.createElement("span");
  probe.style.color = `var(${variable})`;
  document.body.append(probe);
  const value = getComputedStyle(probe).color;
  probe.remove();
  return value;
}

// A day that has not ended is drawn open: a dotted line to a hollow point.
function isOpen(plot, index) {
  return plot.unfinished && index === plot.labels.length - 1;
}

function datasets(plot) {
  const card = colour("--card");
  return plot.series.map((series, index) => {
    const tone = colour(`--tone-${series.tone}`);
    const faces = plot.labels.map((_, at) => (isOpen(plot, at) ? card : tone));
    return {
      label: series.name,
      data: series.values,
      backgroundColor: tone,
      pointBackgroundColor: faces,
      borderColor: tone,
      borderWidth: plot.kind === "line" ? 2 : 0,
      borderDash: DASHES[index % DASHES.length],
      segment: { borderDash: ({ p1DataIndex }) => (isOpen(plot, p1DataIndex) ? [1, 3] : undefined) },
      borderRadius: 3,
      pointRadius: plot.labels.map((_, at) => (isOpen(plot, at) ? 4 : plot.labels.length > 40 ? 0 : 3)),
      pointHitRadius: 12,
      pointStyle: ["circle", "rect", "triangle"][index % 3],
      maxBarThickness: 48,
    };
  });
}

function options(plot) {
  const [ink, line] = [colour("--ink-soft"), colour("--line")];
  const numbers = new Intl.NumberFormat(document.documentElement.lang, { maximumFractionDigits: 4 });
  const short = new Intl.NumberFormat(document.documentElement.lang, { notation: "compact" });
  const [along, across] = plot.flat ? ["y", "x"] : ["x", "y"];
  const labels = { color: ink, maxRotation: 0, autoSkip: !plot.flat, autoSkipPadding: 12 };
  const values = { color: ink, maxRotation: 0, maxTicksLimit: 6, callback: (value) => short.format(value) };
  return {
    animation: false,
    maintainAspectRatio: false,
    indexAxis: along,
    interaction: { mode: "index", axis: along, intersect: false },
    scales: {
      [along]: { stacked: plot.stacked, grid: { display: false }, border: { color: line }, ticks: labels },
      [across]: { stacked: plot.stacked, beginAtZero: true, grid: { color: line }, border: { display: false }, ticks: values },
    },
    plugins: {
      legend: { display: plot.series.length > 1, position: "bottom", labels: { color: ink, usePointStyle: true, boxHeight: 7 } },
      tooltip: { callbacks: { label: ({ dataset, raw }) => `${dataset.label}: ${numbers.format(raw)}` } },
    },
  };
}

function draw() {
  for (const [area, chart] of drawn) {
    if (!area.isConnected) {
      chart.destroy();
      drawn.delete(area);
    }
  }
  for (const area of document.querySelectorAll("[data-plot]")) {
    const plot = JSON.parse(document.getElementById(area.dataset.plot).textContent);
    drawn.get(area)?.destroy();
    drawn.set(area, new Chart(area.querySelector("canvas"), {
      type: plot.kind,
      data: { labels: plot.labels, datasets: datasets(plot) },
      options: options(plot),
    }));
  }
}

Chart.defaults.font.family = getComputedStyle(document.body).fontFamily;
draw();
new MutationObserver(draw).observe(document.documentElement, { attributeFilter: ["data-bs-theme"] });
