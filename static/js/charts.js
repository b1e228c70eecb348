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

function datasets(plot) {
  return plot.series.map((series, index) => {
    const tone = colour(`--tone-${series.tone}`);
    return {
      label: series.name,
      data: series.values,
      backgroundColor: tone,
      borderColor: tone,
      borderWidth: plot.kind === "line" ? 2 : 0,
      borderDash: DASHES[index % DASHES.length],
      borderRadius: 3,
      pointRadius: series.values.length > 40 ? 0 : 3,
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
