// Runs in the live page: reads the clock off the camera and off what came back; window.delays holds [now, delay] in ms,
// window.taken when each clock's picture was on the camera's side.
([left, top, cell, bits]) => {
  const small = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const read = (source, x, y, size) => {
    small.canvas.width = 8 * 4; small.canvas.height = 2 * 4;
    small.drawImage(source, x, y, 8 * size, 2 * size, 0, 0, 32, 8);
    const { data } = small.getImageData(0, 0, 32, 8);
    let code = 0;
    for (let bit = 0; bit < bits; bit++) {
      const row = 4 * Math.floor(bit / 8) + 2, column = 4 * (bit % 8) + 2;
      code = 2 * code + (data[4 * (row * 32 + column) + 1] > 128 ? 1 : 0);
    }
    return code;
  };
  const taken = window.taken = new Map();
  let last = null;
  // A picture that the page did not show on its camera side came as much later as it is farther on, at 30 a second.
  const timeOf = (code, now) => {
    if (taken.has(code) && now - taken.get(code) < 5000) return taken.get(code);
    return last && Math.abs(code - last.code) < 30 ? last.now + ((code - last.code) * 1000) / 30 : null;
  };
  window.delays = [];
  const video = document.getElementById("camera");
  const watch = () => video.requestVideoFrameCallback((now) => {
    watch();
    const code = read(video, left, top, cell);
    if (!taken.has(code) || now - taken.get(code) > 5000) taken.set(code, now);
    last = { code, now };
  });
  watch();
  perfkit.onShown = (stampMs, now, canvas) => {
    const scale = canvas.height / 360;
    const code = read(canvas, (left - 140) * scale, top * scale, cell * scale);
    const at = timeOf(code, now);
    window.delays.push([now, at === null ? -1 : now - at]);
  };
}
