// Which libraries an artifact uses, told by words in its code; their files come through the port and run as inline scripts.
import { dependencies } from "../package.json";
import libs from "../libs/libs.json";
import { say } from "./report.js";

const fileOf = (lib) => `${lib.name}-${dependencies[lib.of]}.js`;
export const versions = Object.fromEntries(libs.map((lib) => [lib.name, dependencies[lib.of]]));

// A lib's types have it always; in the code of those that it can be in (most: programs and pages) one of its words asks for it.
const PROGRAMS = ["react", "html"];
export function wanted(type, code) {
	const uses = (lib) => lib.types.includes(type) || ((lib.in ?? PROGRAMS).includes(type) && lib.words.some((word) => code.includes(word)));
	const found = libs.filter(uses);
	const needed = new Set(found.flatMap((lib) => [...(lib.needs ?? []), lib.name]));
	if (type === "plotly" && basic(code)) {
		needed.delete("plotly");
		needed.add("plotly-basic");
	}
	return libs.filter((lib) => needed.has(lib.name));
}

// Figures of lines, bars, points and pies do with a fifth of Plotly.
const BASIC = ["scatter", "bar", "pie"];
function basic(code) {
	try {
		return JSON.parse(code).data.every((trace) => BASIC.includes(trace.type ?? "scatter")) && !/"(?:polar|ternary|smith|geo|scene|mapbox|map)[0-9]*"/.test(code);
	} catch {
		return true; // it says what is wrong with it all the same
	}
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
export async function loadLibraries(type, code, without) {
	const files = wanted(type, code).filter((lib) => !without.includes(lib.name)).map(fileOf);
	const texts = files.map((file) => new Promise((resolve) => { waiting.set(file, resolve); }));
	say({ kind: "need", files });
	for (const [i, file] of files.entries()) {
		const text = await texts[i];
		if (!text) throw new Error(`the library ${file} could not be loaded`);
		runInline(text, file);
	}
}
