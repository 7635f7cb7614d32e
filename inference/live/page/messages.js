// The page's half of messages.py: 16 bytes of head, little endian, then what the message carries.
export const CAMERA = 1, SOUND = 2, STAMP = 3;
export const CHARACTER = 1, LANDMARKS = 2, PREVIEW = 3;

export async function pack(kind, number, stampMs, body) {
  const content = body instanceof Blob ? new Uint8Array(await body.arrayBuffer()) : new Uint8Array(body);
  const message = new Uint8Array(16 + content.length);
  const view = new DataView(message.buffer);
  view.setUint8(0, kind);
  view.setUint32(4, number, true);
  view.setFloat64(8, stampMs, true);
  message.set(content, 16);
  return message;
}

export function unpack(buffer) {
  const view = new DataView(buffer);
  return { kind: view.getUint8(0), number: view.getUint32(4, true), stampMs: view.getFloat64(8, true), body: buffer.slice(16) };
}
