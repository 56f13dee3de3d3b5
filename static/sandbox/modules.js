// What `import` finds in an artifact: the libraries that are here, and stand-ins for small helpers that models like to import.
import { ui } from "./ui.js";
import { versions } from "./libraries.js";

const joined = (...parts) => parts.flat(9).flatMap((part) => (part && typeof part === "object" ? Object.keys(part).filter((key) => part[key]) : part || [])).join(" ");

// class-variance-authority: the classes of the chosen variants.
const cva = (base, { variants = {}, defaultVariants = {} } = {}) => (props = {}) =>
	joined(base, Object.keys(variants).map((key) => variants[key][props[key] ?? defaultVariants[key]]), props.class, props.className);

// Wrappers of chart libraries for React, as small as they can be.
function plotlyComponent({ data, layout, config, frames, style, className, onInitialized }) {
	const { createElement, useEffect, useRef } = self.React;
	const box = useRef(null);
	useEffect(() => { self.Plotly.react(box.current, { data, layout: { autosize: true, ...layout }, frames, config: { displaylogo: false, responsive: true, ...config } }).then(() => onInitialized?.({}, box.current)); });
	useEffect(() => () => self.Plotly.purge(box.current), []);
	return createElement("div", { ref: box, style: { minHeight: 300, ...style }, className });
}

function echartsComponent({ option, style, className, theme, onEvents = {} }) {
	const { createElement, useEffect, useRef } = self.React;
	const box = useRef(null), chart = useRef(null);
	useEffect(() => {
		chart.current = self.echarts.init(box.current, theme, { renderer: "svg" });
		for (const [name, call] of Object.entries(onEvents)) chart.current.on(name, (params) => call(params, chart.current));
		const watch = new ResizeObserver(() => chart.current.resize());
		watch.observe(box.current);
		return () => { watch.disconnect(); chart.current.dispose(); };
	}, []);
	useEffect(() => { chart.current.setOption(option, true); }, [option]);
	return createElement("div", { ref: box, style: { height: 300, ...style }, className });
}

const anything = new Proxy(() => anything, { get: (target, key) => (key === Symbol.toPrimitive ? () => "" : anything) });

const named = {
	"react": () => self.React,
	"react/jsx-runtime": () => self.ReactJsxRuntime,
	"react/jsx-dev-runtime": () => self.ReactJsxRuntime,
	"react-dom": () => self.ReactDOM,
	"react-dom/client": () => self.ReactDOM,
	"recharts": () => self.Recharts,
	"lucide-react": () => self.LucideReact,
	"d3": () => self.d3,
	"lodash": () => self._,
	"lodash-es": () => self._,
	"plotly.js": () => self.Plotly,
	"echarts": () => self.echarts,
	"react-plotly.js": () => ({ default: plotlyComponent }),
	"echarts-for-react": () => ({ default: echartsComponent }),
	"clsx": () => ({ default: joined, clsx: joined }),
	"classnames": () => ({ default: joined }),
	"tailwind-merge": () => ({ twMerge: joined }),
	"class-variance-authority": () => ({ cva }),
	"prop-types": () => ({ default: anything }),
};
const families = [
	[/^lodash(-es)?\/(fp\/)?(\w+)$/, (m) => ({ default: self._[m[3]] })],
	[/^d3-[a-z-]+$/, () => self.d3],
	[/^echarts\//, () => ({ ...self.echarts, default: self.echarts })],
	[/^plotly\.js(-[a-z-]+)?(\/.*)?$/, () => self.Plotly],
	[/(^|\/)components\/ui(\/[\w-]+)?(\.[jt]sx?)?$|^\.\/ui(\/[\w-]+)?$/, () => ui()],
	[/(^|\/)lib\/utils(\.[jt]s)?$/, () => ({ cn: joined })],
	[/\.(css|scss|less)$/, () => ({})],
];

// An ES module as the compiled code expects one: what has no default is one itself.
const asModule = (object) => (object?.__esModule ? object : Object.assign(Object.create(null), object, { __esModule: true, default: object?.default ?? object }));

function sentence(name) {
	const here = ["react", "recharts", "plotly", "d3", "lodash", "echarts", "lucide-react"].map((lib) => `${lib} ${versions[lib]}`).join(", ");
	if (/^\.|^\/|^@\//.test(name)) return `the artifact imports "${name}", which is not part of it; an artifact is one file, and its data is in data.<name>`;
	return `there is no module "${name}"; there are: ${here}`;
}

export function find(name) {
	const made = Object.hasOwn(named, name) ? named[name]() : families.map(([form, make]) => [form.exec(name), make]).find(([match]) => match);
	const found = Array.isArray(made) ? made[1](made[0]) : made;
	if (!found) throw new Error(sentence(name));
	return found;
}

export const requireModule = (name) => asModule(find(name));
