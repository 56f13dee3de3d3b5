// Which libraries an artifact uses, told by words in its code; their files come through the port and run as inline scripts.
import { dependencies } from "../package.json";
import libs from "../libs/libs.json";

const byName = new Map(libs.map((lib) => [lib.name, lib]));
const fileOf = (lib) => `${lib.name}-${dependencies[lib.of]}.js`;
export const versions = Object.fromEntries(libs.map((lib) => [lib.name, dependencies[lib.of]]));

export function wanted(type, code) {
	const found = new Set();
	const add = (lib) => {
		for (const name of lib.needs ?? []) add(byName.get(name));
		found.add(lib);
	};
	for (const lib of libs) if (lib.types.includes(type) || (["react", "html"].includes(type) && lib.words.some((word) => code.includes(word)))) add(lib);
	return [...found];
}

let waiting = new Map();

export function runInline(text, name) {
	const script = document.createElement("script");
	script.textContent = `${text}\n//# sourceURL=${name}`;
	document.head.append(script);
	script.remove();
}

export function takeLibrary({ file, text }) {
	waiting.get(file)?.(text);
	waiting.delete(file);
}

// Asked for at once; run in the order of the table, which is that of their needs.
export async function loadLibraries(port, type, code) {
	const files = wanted(type, code).map(fileOf);
	const texts = files.map((file) => new Promise((resolve) => { waiting.set(file, resolve); }));
	port.postMessage({ kind: "need", files });
	for (const [i, file] of files.entries()) {
		const text = await texts[i];
		if (!text) throw new Error(`the library ${file} could not be loaded`);
		runInline(text, file);
	}
}
