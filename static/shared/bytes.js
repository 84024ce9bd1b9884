// The message as views/component.py packs it: u32 length of the header | JSON | raw little-endian arrays.

/** @type {Record<string, new (body: ArrayBuffer, offset: number, count: number) => ArrayBufferView>} */
const KINDS = { f4: Float32Array, f8: Float64Array, i4: Int32Array, u2: Uint16Array, u1: Uint8Array };

/**
 * @param {Uint8Array} bytes
 * @returns {any} what Python packed: the types of views/messages.py hold for it there, so the caller names its message
 */
export function unpack(bytes) {
  const length = new DataView(bytes.buffer, bytes.byteOffset).getUint32(0, true);
  const header = JSON.parse(new TextDecoder().decode(bytes.subarray(4, 4 + length)));
  // A copy of its own: the arrays start aligned, and outlive the message's buffer.
  const body = bytes.slice(4 + length).buffer;
  return resolve(header, body);
}

/**
 * @param {any} value a part of the JSON
 * @param {ArrayBuffer} body
 * @returns {any}
 */
function resolve(value, body) {
  if (Array.isArray(value)) return value.map((part) => resolve(part, body));
  if (value === null || typeof value !== "object") return value;
  if ("$array" in value) {
    const [kind, offset, count] = value.$array;
    return new KINDS[kind](body, offset, count);
  }
  for (const name of Object.keys(value)) value[name] = resolve(value[name], body);
  return value;
}
