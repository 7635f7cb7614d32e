// The camera as a WebRTC track to this machine: no server is asked for addresses, the answer names 127.0.0.1 alone.
// While the server says that pictures come this way none are sent as JPEG; once they fail to come, JPEG goes on.
const PATIENCE_MS = 8000, MAX_SIDE_PX = 640, MAX_BITRATE = 4e6;

export class PeerCamera {
  constructor({ onOffer, onStamp }) {
    this.onOffer = onOffer;
    this.onStamp = onStamp;
    this.leave();
  }

  // What is so now, told several times a second: the camera's track, and whether pictures come this way.
  see(track, isUp) {
    if (track !== this.track) {
      this.leave();
      this.track = track;
      if (track) this.open(track).catch((error) => this.giveUp(error.message));
    } else if (this.peer) {
      this.isUp = isUp;
      if (isUp) this.lastUp = performance.now();
      else if (performance.now() - this.lastUp > PATIENCE_MS) this.giveUp("WebRTC did not come up, or broke off");
    }
  }

  async open(track) {
    if (!window.RTCRtpScriptTransform) throw new Error("this browser does not tell the times of WebRTC's pictures");
    this.lastUp = performance.now();
    const peer = this.peer = new RTCPeerConnection({ iceServers: [], bundlePolicy: "max-bundle" });
    const { sender } = this.addTrack(peer, track);
    await peer.setLocalDescription();
    await sender.setParameters({ ...sender.getParameters(), degradationPreference: "maintain-resolution" });
    if (this.peer === peer) this.onOffer(peer.localDescription.sdp);
  }

  addTrack(peer, track) {
    const { width, height } = track.getSettings();
    const sendEncodings = [{ maxBitrate: MAX_BITRATE, scaleResolutionDownBy: Math.max(1, Math.max(width, height) / MAX_SIDE_PX) }];
    const transceiver = peer.addTransceiver(track, { direction: "sendonly", sendEncodings });
    transceiver.setCodecPreferences(RTCRtpSender.getCapabilities("video").codecs.filter(({ mimeType }) => mimeType === "video/VP8"));
    this.stamps = new Worker("/webrtc-stamps.js");
    this.stamps.onmessage = ({ data: [rtp, timeMs] }) => this.onStamp(rtp, timeMs - performance.timeOrigin);
    transceiver.sender.transform = new RTCRtpScriptTransform(this.stamps);
    return transceiver;
  }

  answer(sdp) { this.peer?.setRemoteDescription({ type: "answer", sdp }).catch((error) => this.giveUp(error.message)); }

  giveUp(note) {
    this.close();
    this.note = note;
  }

  leave() {
    this.close();
    this.track = null;
    this.note = "";
  }

  close() {
    this.isUp = false;
    this.peer?.close();
    this.stamps?.terminate();
    this.peer = this.stamps = null;
  }
}
