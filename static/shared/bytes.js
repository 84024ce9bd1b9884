// The message as `views/shared/packing.py` packs it: u32 length of the header | JSON | raw little-endian arrays. Arrays that
// bear a name are kept under it: the server leaves out what it was told is here.

/** @type {Record<string, new (body: ArrayBuffer, offset: number, count: number) => ArrayBufferView>} */
const KINDS = { f4: Float32Array, f8: Float64Array, i4: Int32Array, u2: Uint16Array, u1: Uint8Array };

/** @typedef {{arrays: Record<string, ArrayBufferView>, size: number}} Content arrays of one name, and their bytes */
/** @typedef {{body: ArrayBuffer, whole: boolean, names: Set<string>}} Found a message's arrays, its names, if all is here */

const MOST = 64; // names, all of which go with every change
const ROOM = 64e6; // bytes
/** @type {Map<string, Content>} */
const contents = new Map(); // shared by all components of this tab, the latest used last

/** The names of the arrays that are here. */
export function known() {
  return [...contents.keys()];
}

/**
 * @param {Uint8Array} bytes
 * @returns {{message: any, whole: boolean}} what Python packed: the types of views/shared/messages.py hold for it there, so the
 * caller names its message; not whole where something was left out that is not here
 */
export function unpack(bytes) {
  const length = new DataView(bytes.buffer, bytes.byteOffset).getUint32(0, true);
  const header = JSON.parse(new TextDecoder().decode(bytes.subarray(4, 4 + length)));
  // A copy of its own: the arrays start aligned, and outlive the message's buffer.
  /** @type {Found} */
  const found = { body: bytes.slice(4 + length).buffer, whole: true, names: new Set() };
  const message = resolve(header, found);
  forget(found.names);
  return { message, whole: found.whole };
}

/**
 * @param {any} value a part of the JSON
 * @param {Found} found
 * @returns {any}
 */
function resolve(value, found) {
  if (Array.isArray(value)) return value.map((part) => resolve(part, found));
  if (value === null || typeof value !== "object") return value;
  if ("$array" in value) {
    const [kind, offset, count] = value.$array;
    return new KINDS[kind](found.body, offset, count);
  }
  for (const name of Object.keys(value)) value[name] = resolve(value[name], found);
  if (typeof value.content === "string") {
    found.names.add(value.content);
    if (!complete(value)) found.whole = false;
  }
  return value;
}

/**
 * Fills in what was left out of a part, or keeps what came with it; false where it is not here.
 * @param {Record<string, any>} part
 */
function complete(part) {
  let content = contents.get(part.content);
  if (part.less) {
    delete part.less;
    if (!content) return false;
  } else {
    content = { arrays: {}, size: 0 };
    for (const [name, value] of Object.entries(part)) {
      if (!ArrayBuffer.isView(value)) continue;
      // Of its own, so that it does not hold all that came with it.
      content.arrays[name] = /** @type {Uint8Array} */ (value).slice();
      content.size += value.byteLength;
    }
  }
  Object.assign(part, content.arrays);
  contents.delete(part.content);
  contents.set(part.content, content);
  return true;
}

/**
 * Lets go what was used longest ago and is too much, but for what has just been used.
 * @param {Set<string>} used
 */
function forget(used) {
  let size = 0;
  for (const one of contents.values()) size += one.size;
  for (const [name, one] of contents) {
    if (contents.size <= MOST && size <= ROOM) break;
    if (used.has(name)) continue;
    contents.delete(name);
    size -= one.size;
  }
}
