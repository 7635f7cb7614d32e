// The microphone: PCM chunks, each with the time at which it began, on the same clock as the pictures.
export class Microphone {
  constructor(onSound) { this.onSound = onSound; this.context = null; }

  async open() {
    const sound = { echoCancellation: false, noiseSuppression: false, autoGainControl: false, channelCount: 1 };
    this.stream = await navigator.mediaDevices.getUserMedia({ audio: sound, video: false });
    this.context = new AudioContext({ latencyHint: "interactive" });
    await this.context.audioWorklet.addModule("/microphone-worklet.js");
    this.tap = new AudioWorkletNode(this.context, "perfkit-tap", { numberOfOutputs: 0 });
    this.tap.port.onmessage = ({ data }) => {
      const rate = this.context.sampleRate;
      this.onSound(data.buffer, rate, performance.now() - (1000 * data.length) / rate);
    };
    this.context.createMediaStreamSource(this.stream).connect(this.tap);
  }

  async close() {
    this.stream?.getTracks().forEach((track) => track.stop());
    await this.context?.close();
    this.context = null;
  }
}
