for (const player of document.querySelectorAll(".player")) {
  const frames = [...player.querySelector("template").content.children];
  const [image, button, slider, output] =
    ["img", "button", "input", "output"].map((name) => player.querySelector(name));
  let timer = 0;
  function show(index) {
    const { label } = frames[index].dataset;
    image.src = frames[index].src;
    image.alt = `${player.dataset.about}, ${label}`;
    output.textContent = label;
    slider.value = index;
    slider.setAttribute("aria-valuetext", label);
  }
  function stop() {
    clearInterval(timer);
    timer = 0;
    button.textContent = "Play";
  }
  slider.addEventListener("input", () => { stop(); show(Number(slider.value)); });
  button.addEventListener("click", () => {
    if (timer) return stop();
    const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
    const next = () => {
      const index = (Number(slider.value) + 1) % frames.length;
      show(index);
      if (calm && index === frames.length - 1) stop();
    };
    button.textContent = "Stop";
    timer = setInterval(next, calm ? 2000 : Number(player.dataset.pace));
    next();
  });
}
