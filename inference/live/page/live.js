// The live page: camera to the server, character to the screen, and how it goes.
import { Camera } from "/camera.js";
import { Controls } from "/controls.js";
import { CAMERA, CHARACTER, LANDMARKS, PREVIEW, SOUND, STAMP, pack, unpack } from "/messages.js";
import { Microphone } from "/microphone.js";
import { PeerCamera } from "/webrtc.js";

const TAKEN_OVER = 4001, MAX_UNDER_WAY = 3;
const $ = (id) => document.getElementById(id);
const STATES = { seen: "face seen", held: "face lost: holding", neutral: "no face", returning: "coming back" };

let socket = null, sent = 0, received = 0, seen = 0, isOver = false, lastState = null;
let latencies = [], lastReceipt = 0;
window.perfkit = { onShown: null, get state() { return lastState; }, get peer() { return peer; } };  // for scripts that measure this page

const controls = new Controls(send);
const camera = new Camera($("camera"), { onPicture: sendPicture, onState: showCamera });
const peer = new PeerCamera({ onOffer: (offer) => send({ offer }), onStamp: (rtp, stampMs) => sendMessage(STAMP, rtp, stampMs, []) });
camera.wants = () => !peer.isUp && socket?.readyState === WebSocket.OPEN && (sent - received < MAX_UNDER_WAY || performance.now() - lastReceipt > 1000);
const microphone = new Microphone(async (samples, rate, stampMs) => {
  if (socket?.readyState === WebSocket.OPEN && socket.bufferedAmount < 1e6) socket.send(await pack(SOUND, rate, stampMs, samples));
});

function connect() {
  socket = new WebSocket(`ws://${location.host}/socket`);
  socket.binaryType = "arraybuffer";
  sent = received = seen = 0;
  socket.onopen = () => { isOver = false; cover(null); };
  socket.onmessage = ({ data }) => (typeof data === "string" ? takeText(JSON.parse(data)) : takeBytes(unpack(data)));
  socket.onclose = ({ code }) => {
    peer.leave();
    if (code === TAKEN_OVER) return takenOver();
    cover("perfkit is gone. If you started it anew, open the address that it printed.");
    setTimeout(connect, 1000);
  };
}

function send(command) { if (socket?.readyState === WebSocket.OPEN) socket.send(JSON.stringify(command)); }

function sendPicture(jpeg, stampMs) { return sendMessage(CAMERA, ++sent, stampMs, jpeg); }

async function sendMessage(kind, number, stampMs, body) {
  const message = await pack(kind, number, stampMs, body);
  if (socket?.readyState === WebSocket.OPEN) socket.send(message);
}

function takenOver() {
  isOver = true;
  camera.close();
  cover("Another tab plays now.", { label: "Play here", act: () => { connect(); camera.open(); } });
}

async function takeBytes({ kind, number, stampMs, body }) {
  received = Math.max(received, number);
  lastReceipt = performance.now();
  if (kind === CHARACTER) {
    send({ seen: ++seen });
    await draw($("character"), body);
    requestAnimationFrame((now) => noteShown(stampMs, Math.max(now, performance.now())));
  } else if (kind === LANDMARKS) drawLandmarks(new Int16Array(body));
  else if (kind === PREVIEW) await draw($("preview"), body);
}

async function draw(canvas, body) {
  const picture = await createImageBitmap(new Blob([body], { type: "image/jpeg" }));
  if (canvas.width !== picture.width || canvas.height !== picture.height) { canvas.width = picture.width; canvas.height = picture.height; }
  canvas.getContext("2d", { alpha: false }).drawImage(picture, 0, 0);
  picture.close();
}

function noteShown(stampMs, now) {
  window.perfkit.onShown?.(stampMs, now, $("character"));
  if (stampMs > 0) latencies.push(now - stampMs);
  if (latencies.length > 150) latencies.shift();
}

function drawLandmarks(points) {
  const canvas = $("landmarks"), frame = $("camera-frame"), picture = $("preview").hidden ? $("camera") : $("preview");
  const aspect = (picture.videoWidth || picture.width) / (picture.videoHeight || picture.height) || 16 / 9;
  canvas.width = frame.clientWidth; canvas.height = frame.clientHeight;
  const width = Math.min(canvas.width, canvas.height * aspect), height = width / aspect;
  const left = (canvas.width - width) / 2, top = (canvas.height - height) / 2;
  const context = canvas.getContext("2d");
  context.fillStyle = "#7cc4ff";
  for (let i = 0; i < points.length; i += 2) context.fillRect(left + (points[i] / 1000) * width - 1, top + (points[i + 1] / 1000) * height - 1, 2, 2);
}

function takeText(message) {
  if (message.refused) return notice(message.refused);
  if (message.answer) peer.answer(message.answer);
  if (message.received !== undefined) { received = Math.max(received, message.received); lastReceipt = performance.now(); }
  if (message.state) { showTransport(message.state, message.transport); showState(message.state); }
}

function showState(state) {
  lastState = state;
  controls.take(state.controls, state.characters);
  $("fps").textContent = Math.round(state.fps);
  const sorted = [...latencies].sort((a, b) => a - b);
  $("latency").textContent = sorted.length ? Math.round(sorted[Math.floor(sorted.length * 0.5)]) : "–";
  $("latency95").textContent = sorted.length ? Math.round(sorted[Math.floor(sorted.length * 0.95)]) : "–";
  $("dropped").textContent = state.num_dropped;
  $("quality-now").textContent = `${state.quality}, ${state.steps} step${state.steps > 1 ? "s" : ""}`;
  showTracker(state);
  showStage(state);
  const isRecording = state.recording_seconds !== null;
  $("record").setAttribute("aria-pressed", String(isRecording));
  $("record").textContent = isRecording ? "Stop" : "Record";
  $("recording").hidden = !isRecording;
  $("recording").lastElementChild.textContent = isRecording ? clock(state.recording_seconds) : "";
  if (document.activeElement !== $("performer")) $("performer").value = state.performer;
  $("calibrate").textContent = state.is_calibrated ? "Calibrate again" : "Calibrate";
  showRecordings(state.recordings);
  if (state.outputs) { $("output-address").textContent = state.outputs.page; $("mjpeg-address").textContent = state.outputs.mjpeg; }
  if (state.notice) notice(state.notice);
  if (state.has_own_camera && $("preview").hidden) { $("preview").hidden = false; $("camera").hidden = true; $("camera-cover").hidden = true; for (const id of ["camera-toggle", "camera-device"]) $(id).hidden = true; }
}

function showTransport(state, transport) {
  if (state.transport === "webrtc") peer.see(camera.stream?.getVideoTracks()[0] ?? null, transport === "webrtc");
  $("transport").hidden = state.has_own_camera;
  $("transport").textContent = transport === "webrtc" ? "WebRTC" : "WebSocket";
  $("transport").title = `How the camera's pictures reach perfkit${peer.note && ": " + peer.note}`;
}

function showTracker(state) {
  const lost = state.state === "neutral" && state.has_camera;
  $("tracker").dataset.state = lost ? "lost" : state.has_camera ? state.state : "";
  $("tracker").textContent = !state.has_camera ? "no camera" : state.is_dark ? "too dark" : state.controls.hold !== "off" ? `held: ${state.controls.hold}` : STATES[state.state];
  if (state.state !== "seen" || !state.controls.with_landmarks) $("landmarks").getContext("2d").clearRect(0, 0, $("landmarks").width, $("landmarks").height);
}

function showStage(state) {
  if (isOver) return;
  const taking = state.calibrating;
  if (taking) {
    const box = cover(taking.count > 0 ? "Look neutral, into the camera" : "Hold still …");
    box.insertAdjacentHTML("afterbegin", taking.count > 0 ? '<span class="count"></span>' : '<span class="ring"></span>');
    if (taking.count > 0) box.firstElementChild.textContent = taking.count;
    else box.firstElementChild.style.setProperty("--share", taking.share);
  } else cover(state.loading ? `Getting ${state.loading.split("/").pop()} ready …` : null, null, true);
}

function cover(text, action, isNote = false) {
  const box = $("stage-cover");
  box.hidden = text === null;
  box.className = `cover ${action ? "" : isNote ? "note" : "quiet"}`;
  box.replaceChildren();
  if (text !== null) box.append(Object.assign(document.createElement("p"), { textContent: text }));
  if (action) {
    const button = Object.assign(document.createElement("button"), { textContent: action.label, className: "primary" });
    button.addEventListener("click", () => { cover(null); action.act(); });
    box.append(button);
  }
  return box;
}

let noticeTimer = 0;
function notice(text) {
  $("notice").textContent = text;
  clearTimeout(noticeTimer);
  noticeTimer = setTimeout(() => { $("notice").textContent = ""; }, 6000);
}

function showCamera(state) {
  const notes = {
    refused: "The browser was told not to give the camera. Allow it beside the address bar, then try again.",
    absent: "No camera found, or another program has it. It opens by itself when it is there.",
    lost: "The camera went away. It opens by itself when it comes back.",
    closed: "The camera is off.",
  };
  $("camera-cover").hidden = state === "open";
  $("camera-note").textContent = notes[state] ?? "Your picture stays on this machine.";
  $("camera-open").textContent = state === "closed" ? "Camera on" : "Allow camera";
  $("camera-toggle").setAttribute("aria-pressed", String(state === "open"));
  $("camera-toggle").textContent = state === "open" ? "Camera on" : "Camera off";
  if (state === "absent") camera.retry();
  if (state === "open") listDevices();
}

async function listDevices() {
  const devices = await camera.devices();
  $("camera-device").replaceChildren(...devices.map((device, index) => new Option(device.label || `Camera ${index + 1}`, device.deviceId)));
  const current = camera.stream?.getVideoTracks()[0].getSettings().deviceId;
  if (current) $("camera-device").value = current;
}

let recordingsKey = "";
function showRecordings(names) {
  if (names.join() === recordingsKey) return;
  recordingsKey = names.join();
  $("recordings-box").hidden = names.length === 0;
  $("recordings").replaceChildren(...names.map((name) => {
    const item = document.createElement("li");
    item.append(Object.assign(document.createElement("a"), { href: `/recordings/${name}`, download: name, textContent: name }));
    return item;
  }));
}

function clock(seconds) { return `${Math.floor(seconds / 60)}:${String(Math.floor(seconds % 60)).padStart(2, "0")}`; }

function toggleCamera() { if (camera.stream) camera.close(); else camera.open(); }
function toggleRecord() { send(lastState?.recording_seconds !== null ? { do: "stop" } : { do: "record", alpha: $("record-alpha").checked }); }

async function toggleMicrophone() {
  try {
    if (microphone.context) await microphone.close(); else await microphone.open();
  } catch (error) { await microphone.close(); notice("The browser gives no microphone: it was not allowed, or there is none."); }
  const isOpen = Boolean(microphone.context);
  $("microphone").setAttribute("aria-pressed", String(isOpen));
  $("microphone").textContent = isOpen ? "Mic on" : "Mic off";
}

function setMirror(isMirrored) {
  $("mirror").setAttribute("aria-pressed", String(isMirrored));
  for (const id of ["camera-frame", "stage"]) $(id).classList.toggle("is-mirrored", isMirrored);
}

$("camera-open").addEventListener("click", () => camera.open());
$("camera-toggle").addEventListener("click", toggleCamera);
$("camera-device").addEventListener("change", () => camera.open($("camera-device").value));
$("microphone").addEventListener("click", toggleMicrophone);
$("calibrate").addEventListener("click", () => send({ do: "calibrate" }));
$("record").addEventListener("click", toggleRecord);
$("mirror").addEventListener("click", () => setMirror($("mirror").getAttribute("aria-pressed") !== "true"));
$("performer").addEventListener("change", () => send({ do: "performer", name: $("performer").value.trim() }));
const KEYS = { c: toggleCamera, m: toggleMicrophone, n: () => send({ do: "calibrate" }), f: () => controls.hold("freeze"), r: () => controls.hold("neutral"),
  " ": toggleRecord, s: () => $("still").click(), l: () => document.querySelector('[data-toggle="with_landmarks"]').click(), x: () => $("mirror").click() };
document.addEventListener("keydown", (event) => {
  const isTyping = event.target.closest("input:not([type=range]):not([type=checkbox]), select") || event.ctrlKey || event.metaKey || event.altKey;
  if (isTyping || (event.key === " " && event.target.closest("button, a, summary, input"))) return;
  const act = KEYS[event.key.toLowerCase()];
  if (act) { event.preventDefault(); act(); }
});
document.addEventListener("click", (event) => { if (event.detail > 0) event.target.closest("button, a")?.blur(); });  // Space stays Record
addEventListener("pagehide", () => camera.close());

setMirror(true);
connect();
navigator.permissions?.query({ name: "camera" }).then((permission) => { if (permission.state === "granted") camera.open(); }).catch(() => {});
