const frames = [...(document.getElementById("frames")?.content.children ?? [])];
const slider = document.getElementById("slider"), image = document.getElementById("frame");
let timer = 0;
function show(index) {
  image.src = frames[index].src;
  image.alt = `Grid of generated pictures at step ${frames[index].dataset.step}`;
  document.getElementById("step").textContent = `step ${frames[index].dataset.step}`;
  slider.value = index;
}
function stop() {
  clearInterval(timer);
  timer = 0;
  document.getElementById("play").textContent = "Play";
}
if (frames.length) {
  slider.addEventListener("input", () => { stop(); show(Number(slider.value)); });
  document.getElementById("play").addEventListener("click", () => {
    if (timer) return stop();
    document.getElementById("play").textContent = "Stop";
    timer = setInterval(() => show((Number(slider.value) + 1) % frames.length), 400);
  });
}
