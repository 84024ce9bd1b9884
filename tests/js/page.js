// What modules find of a page when they are loaded, where there is none.

globalThis.window = new EventTarget();
