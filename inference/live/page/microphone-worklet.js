// Hands the microphone's samples on as 16 bit, 2048 at a time.
class Tap extends AudioWorkletProcessor {
  constructor() { super(); this.samples = new Int16Array(2048); this.count = 0; }
  process([input]) {
    const channel = input[0];
    if (!channel) return true;
    for (const sample of channel) {
      this.samples[this.count++] = Math.max(-32768, Math.min(32767, Math.round(sample * 32767)));
      if (this.count === this.samples.length) {
        this.port.postMessage(this.samples);
        this.samples = new Int16Array(2048);
        this.count = 0;
      }
    }
    return true;
  }
}
registerProcessor("perfkit-tap", Tap);
