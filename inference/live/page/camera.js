// The browser's camera: opens it, grabs each new picture as JPEG with the time it was taken, and opens it again when it
// was unplugged and comes back.
const WANTED = { width: { ideal: 640 }, height: { ideal: 360 }, frameRate: { ideal: 30, max: 60 } };

export class Camera {
  constructor(video, { onPicture, onState }) {
    this.video = video;
    this.onPicture = onPicture;
    this.onState = onState;
    this.stream = null;
    this.isGrabbing = false;
    this.canvas = document.createElement("canvas");
    this.context = this.canvas.getContext("2d", { alpha: false, desynchronized: true });
    navigator.mediaDevices?.addEventListener("devicechange", () => { if (this.isWanted && !this.stream) this.open(); });
  }

  async open(deviceId) {
    this.isWanted = true;
    this.deviceId = deviceId ?? this.deviceId;
    this.close({ forGood: false });
    try {
      const video = this.deviceId ? { ...WANTED, deviceId: { exact: this.deviceId } } : WANTED;
      this.stream = await navigator.mediaDevices.getUserMedia({ video, audio: false });
    } catch (error) {
      this.onState(error.name === "NotAllowedError" ? "refused" : "absent");
      return;
    }
    this.stream.getVideoTracks()[0].addEventListener("ended", () => { this.stream = null; this.onState("lost"); this.retry(); });
    this.video.srcObject = this.stream;
    await this.video.play().catch(() => {});
    this.onState("open");
    this.wait();
  }

  retry() {
    if (!this.isWanted || this.stream) return;
    setTimeout(() => { if (this.isWanted && !this.stream) this.open().then(() => this.retry()); }, 1000);
  }

  close({ forGood = true } = {}) {
    if (forGood) this.isWanted = false;
    this.stream?.getTracks().forEach((track) => track.stop());
    this.stream = null;
    this.video.srcObject = null;
    if (forGood) this.onState("closed");
  }

  async devices() {
    const all = await navigator.mediaDevices.enumerateDevices();
    return all.filter((device) => device.kind === "videoinput");
  }

  // Every picture of the camera where the browser hands them over, else those that it shows.
  wait() {
    if (!this.stream) return;
    if (window.MediaStreamTrackProcessor) { this.read(this.stream.getVideoTracks()[0]); return; }
    this.video.requestVideoFrameCallback((now, metadata) => {
      this.wait();
      this.grab(this.video, this.video.videoWidth, this.video.videoHeight, metadata.captureTime ?? now);
    });
  }

  async read(track) {
    const reader = new MediaStreamTrackProcessor({ track, maxBufferSize: 1 }).readable.getReader();
    while (this.stream?.getVideoTracks()[0] === track) {
      const { value: frame, done } = await reader.read();
      if (done) return;
      this.grab(frame, frame.displayWidth, frame.displayHeight, performance.now());
      frame.close();
    }
    reader.cancel();
  }

  grab(picture, width, height, stampMs) {
    if (this.isGrabbing || !width || !this.wants?.()) return;
    const share = Math.min(1, 640 / Math.max(width, height));
    this.canvas.width = Math.round(width * share);
    this.canvas.height = Math.round(height * share);
    this.context.drawImage(picture, 0, 0, this.canvas.width, this.canvas.height);
    this.isGrabbing = true;
    this.canvas.toBlob((jpeg) => { this.isGrabbing = false; if (jpeg) this.onPicture(jpeg, stampMs); }, "image/jpeg", 0.85);
  }
}
