// Runs in the live page: reads the clock off the camera and off what came back; window.delays holds [now, delay] in ms.
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
  const taken = new Map();
  window.delays = [];
  const video = document.getElementById("camera");
  const watch = () => video.requestVideoFrameCallback((now) => {
    watch();
    const code = read(video, left, top, cell);
    if (!taken.has(code) || now - taken.get(code) > 5000) taken.set(code, now);
  });
  watch();
  perfkit.onShown = (stampMs, now, canvas) => {
    const scale = canvas.height / 360;
    const code = read(canvas, (left - 140) * scale, top * scale, cell * scale);
    if (taken.has(code)) window.delays.push([now, now - taken.get(code)]);
    else window.delays.push([now, -1]);
  };
}
