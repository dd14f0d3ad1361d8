/** The part of the page that shows pictures: for each generator a large one, and the samples of the seed. */

const SIDE = 512;

/** Build the view of one generator into `stage`; `choose(picture)` is called when a sample is chosen. */
export function buildView(stage, described, index, pictures, choose) {
  const view = stage.appendChild(copy("generator-template"));
  const [, height, width] = described.shape;
  view.querySelector(".name").textContent = described.name;
  list(view.querySelector(".facts"), described.facts);
  const large = canvas(view.querySelector(".large"), width, height);
  const samples = view.querySelector(".samples");
  samples.querySelector("legend").textContent = `Samples of ${described.name}`;
  const choices = Array.from({ length: pictures }, (_, picture) => {
    const choice = samples.appendChild(copy("sample-template"));
    const radio = choice.querySelector("input");
    Object.assign(radio, { name: `sample-${index}`, value: picture });
    radio.setAttribute("aria-label", `Picture ${picture}`);
    radio.addEventListener("change", () => choose(picture));
    return { radio, canvas: canvas(choice.querySelector("canvas"), width, height) };
  });
  const mirror = canvas(document.createElement("canvas"), width, height);
  document.getElementById("mirror").append(mirror);
  return new View(view, described, large, mirror, choices);
}

/** Show small copies of the large pictures while a narrow window has these out of sight and sliders in it. */
export function watch(views) {
  const seen = new Map(views.map((view) => [view.large, true]));
  const observer = new IntersectionObserver((entries) => {
    for (const { target, isIntersecting } of entries) seen.set(target, isIntersecting);
    document.getElementById("mirror").dataset.shown = String(![...seen.values()].some(Boolean));
  });
  views.forEach((view) => observer.observe(view.large));
}

class View {
  #latency;

  constructor(element, described, large, mirror, choices) {
    Object.assign(this, { element, described, large, mirror, choices });
    this.#latency = element.querySelector(".latency");
  }

  /** Mark the chosen sample and say in words what the large picture is. */
  describe(state, words) {
    this.choices[state.picture].radio.checked = true;
    this.large.setAttribute("aria-label", `${this.described.name}: ${words}`);
  }

  paintLarge(image) {
    for (const place of [this.large, this.mirror]) place.getContext("2d").putImageData(image, 0, 0);
    this.element.dataset.ready = "true";
  }

  paintSample(picture, image) {
    this.choices[picture].canvas.getContext("2d").putImageData(image, 0, 0);
  }

  /** Show how long a picture takes, on what, and how near it is to Python's. */
  measure(generator) {
    const on = generator.provider === "webgpu" ? "WebGPU" : "WebAssembly";
    const near = `Python's pixels ± ${Math.max(1, generator.difference)} of 255`;
    list(this.#latency, [`${milliseconds(generator.latency)} a picture`, on, near]);
  }
}

/** Lay images out in rows on one canvas, enlarged by whole pixels, as `zoo generate` lays out a grid. */
export function sheet(images, columns) {
  const [width, height] = [Math.max(...images.map((i) => i.width)), Math.max(...images.map((i) => i.height))];
  const scale = Math.max(1, Math.floor(SIDE / Math.max(width, height) / Math.sqrt(columns)));
  const gap = images.length > 1 ? 2 * scale : 0;
  const made = canvas(
    document.createElement("canvas"),
    columns * (width * scale + gap) + gap,
    Math.ceil(images.length / columns) * (height * scale + gap) + gap,
  );
  const context = made.getContext("2d");
  context.fillStyle = "#fff";
  context.fillRect(0, 0, made.width, made.height);
  context.imageSmoothingEnabled = false;
  images.forEach((image, index) => {
    const left = gap + (index % columns) * (width * scale + gap);
    const top = gap + Math.floor(index / columns) * (height * scale + gap);
    const one = canvas(document.createElement("canvas"), image.width, image.height);
    one.getContext("2d").putImageData(image, 0, 0);
    context.drawImage(one, left, top, image.width * scale, image.height * scale);
  });
  return made;
}

export function milliseconds(time) {
  return `${time < 10 ? time.toFixed(1) : Math.round(time)} ms`;
}

/** Put short facts into an element, none of which is broken in two. */
function list(element, facts) {
  element.replaceChildren(
    ...facts.flatMap((fact) => [Object.assign(document.createElement("span"), { textContent: fact }), " "]),
  );
}

function copy(template) {
  return document.getElementById(template).content.firstElementChild.cloneNode(true);
}

function canvas(element, width, height) {
  Object.assign(element, { width, height });
  // Pixels are put into it one by one, and read back for files: no GPU needs to hold them.
  element.getContext("2d", { willReadFrequently: true });
  return element;
}
