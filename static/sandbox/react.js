// React apps: one module in JSX or TypeScript whose default export is the component to show. Babel makes plain JavaScript of it,
// which runs as an inline script: no eval.
import { requireModule } from "./modules.js";
import { runInline } from "./libraries.js";
import { placeBy, problem, say } from "./report.js";
import { linesOf } from "./map.js";

// Without a default export it is the component called App, or the last one.
function withDefault(code) {
	if (/export\s+default\b|export\s*\{[^}]*\bas\s+default\b/.test(code)) return code;
	const names = [...code.matchAll(/^(?:export\s+)?(?:async\s+)?(?:function|const|let|var|class)\s+([A-Z]\w*)/gm)].map((m) => m[1]);
	return names.length ? `${code}\nexport default ${names.includes("App") ? "App" : names.at(-1)};` : code;
}

// import.meta is for modules that were loaded from somewhere.
const noMeta = ({ template }) => ({ visitor: { MetaProperty: (path) => { if (path.node.meta.name === "import") path.replaceWith(template.expression.ast("({ env: {}, url: '' })")); } } });

export function compile(code, name = "artifact.tsx") {
	try {
		const { code: out, map } = self.Babel.transform(withDefault(code), {
			filename: name, sourceType: "module", sourceMaps: true, compact: false,
			presets: [["react", { runtime: "automatic" }], ["typescript", { onlyRemoveTypeImports: false }]], plugins: [noMeta, "transform-modules-commonjs"],
		});
		return { out, map };
	} catch (e) {
		const message = e.message.split("\n")[0].replace(/^.*?artifact\.\w+: /, "").replace(/ \(\d+:\d+\)$/, "");
		throw Object.assign(new Error(message), { loc: e.loc });
	}
}

export function runModule(code, compiled) {
	const { out, map } = compiled ?? compile(code), module = { exports: {} };
	placeBy(linesOf(map));
	self.quernModule = (call) => { delete self.quernModule; call(requireModule, module, module.exports, self.React); };
	let failed;
	const note = (event) => { failed = event.error ?? event; };
	addEventListener("error", note);
	runInline(`quernModule(function (require, module, exports, React) {${out}\n});`, "artifact.jsx");
	removeEventListener("error", note);
	return failed ? null : module.exports;
}

export async function showReact(code, dark, compiled) {
	startTailwind();
	const made = compiled ? JSON.parse(compiled) : compile(code);
	if (!compiled) say({ kind: "compiled", text: JSON.stringify({ out: made.out, map: { mappings: made.map.mappings } }) });
	const root = document.createElement("div");
	root.id = "root";
	document.body.append(root);
	const exports = runModule(code, made);
	if (!exports) return;
	const { createElement, useEffect } = self.React, App = exports.default;
	if (!App && root.childNodes.length === 0) throw new Error("the artifact exports no component: it needs `export default`");
	if (!App) return;
	await new Promise((resolve) => {
		const failed = (error) => { problem(error); resolve(); };
		const Shown = () => { useEffect(resolve, []); return typeof App === "function" || App.$$typeof ? (App.$$typeof === Symbol.for("react.transitional.element") ? App : createElement(App)) : null; };
		self.ReactDOM.createRoot(root, { onUncaughtError: failed, onRecoverableError: () => {} }).render(createElement(Shown));
	});
}

// Tailwind makes the classes that it finds; dark: follows the theme of the page around. The names of shadcn/ui are there, too, and
// lines are grey, as they were when models learnt it.
export function startTailwind() {
	if (document.querySelector("style[type='text/tailwindcss']")) return;
	const names = { background: "#fff", foreground: "#0f172a", card: "#fff", "card-foreground": "#0f172a", popover: "#fff", "popover-foreground": "#0f172a", primary: "#0f172a",
		"primary-foreground": "#f8fafc", secondary: "#f1f5f9", "secondary-foreground": "#0f172a", muted: "#f1f5f9", "muted-foreground": "#64748b", accent: "#f1f5f9",
		"accent-foreground": "#0f172a", destructive: "#dc2626", "destructive-foreground": "#f8fafc", border: "#e2e8f0", input: "#cbd5e1", ring: "#0f172a" };
	const style = document.createElement("style");
	style.type = "text/tailwindcss";
	style.textContent = `@import "tailwindcss";@custom-variant dark (&:where(.dark, .dark *));@layer base{*,::before,::after{border-color:var(--color-gray-200,#e5e7eb)}button{cursor:pointer}}@theme{${Object.entries(names).map(([name, value]) => `--color-${name}:${value};`).join("")}}`;
	document.head.append(style);
}
