// Pages and drawings. A page is parsed apart and its parts are brought into this document; scripts are made anew, in order, so that
// they run. Libraries that it would load from elsewhere are there already; nothing else can be loaded.
import { runModule, startTailwind } from "./react.js";
import { runInline, wanted } from "./libraries.js";
import { problem } from "./report.js";
import { find } from "./modules.js";

const KNOWN = /react|babel|recharts|lucide|d3|lodash|plotly|echarts|tailwind|prop-types/i;

// `import` of a library in a module becomes a constant.
function withGlobals(text) {
	self.quernFind = (address) => {
		const name = /(?:npm\/|esm\.sh\/|unpkg\.com\/|skypack\.dev\/|libs\/)?((?:@[\w-]+\/)?[\w.-]+?)(?:@[^/]*)?(?:\/.*)?$/.exec(address.replace(/^https?:\/\/(cdn\.jsdelivr\.net|cdnjs\.cloudflare\.com\/ajax)?\/?/, ""))?.[1] ?? address;
		return find(name);
	};
	const names = (list) => list.replace(/\s+as\s+/g, ": ");
	return text.replace(/^[ \t]*import\s+(?:(\w+)\s*,?\s*)?(?:\*\s+as\s+(\w+)|\{([^}]*)\})?\s*from\s*["']([^"']+)["'];?/gm, (all, one, star, list, from) => {
		const found = `quernFind(${JSON.stringify(from)})`;
		return [one && `const ${one} = ${found}.default ?? ${found};`, star && `const ${star} = ${found};`, list && `const {${names(list)}} = ${found};`].filter(Boolean).join(" ");
	});
}

// Blank lines before it, so that its lines have the numbers that they have in the code.
const placed = (text, code) => {
	const at = code.indexOf(text);
	return at > 0 ? "\n".repeat(code.slice(0, at).split("\n").length - 1) + text : text;
};

function runScript(old, code) {
	const type = old.type.toLowerCase(), src = old.getAttribute("src");
	if (src) {
		if (!KNOWN.test(src)) problem({ message: `the page loads ${src.slice(0, 200)}, which is not there: artifacts have no network` });
		return;
	}
	const text = old.textContent;
	if (type === "text/babel" || type === "text/jsx") { runModule(placed(text, code)); return; }
	if (type && type !== "module" && !/javascript|ecmascript/.test(type)) return;
	if (type !== "module") { runInline(placed(text, code), "artifact.js"); return; }
	const script = document.createElement("script");
	script.type = "module";
	script.textContent = `${placed(withGlobals(text), code)}\n//# sourceURL=artifact.js`;
	document.head.append(script);
}

// Frames with a document of their own have no place here; what is left of them is an empty frame.
const parse = (code) => new DOMParser().parseFromString(code.replace(/srcdoc/gi, "data-doc"), "text/html");

export async function showHtml(code) {
	const page = parse(code);
	if (wanted("html", code).some((lib) => lib.name === "tailwind")) startTailwind();
	self.tailwind ??= {};
	for (const node of page.querySelectorAll("meta[http-equiv], base, link")) node.remove();
	const scripts = [...page.querySelectorAll("script")];
	for (const from of [page.documentElement, page.body])
		for (const { name, value } of from.attributes) {
			const to = from === page.body ? document.body : document.documentElement;
			if (name === "class") to.classList.add(...value.split(/\s+/).filter(Boolean));
			else to.setAttribute(name, value);
		}
	const marks = scripts.map((script) => { const mark = document.createComment("script"); script.replaceWith(mark); return [script, mark]; });
	document.head.append(...page.head.childNodes);
	document.body.append(...page.body.childNodes);
	for (const [script] of marks) runScript(script, code);
	document.dispatchEvent(new Event("DOMContentLoaded", { bubbles: true }));
	dispatchEvent(new Event("load"));
}

export async function showSvg(code) {
	const drawing = parse(code).querySelector("svg");
	if (!drawing) throw new Error("the drawing has no <svg> element");
	if (!drawing.hasAttribute("width") && !drawing.hasAttribute("height")) drawing.style.width = "100%";
	drawing.style.maxWidth = "100%";
	drawing.style.display = "block";
	document.body.append(drawing);
}
