// What the page around gets to know: height and errors.
const TEXT = 2000;
const told = new Set();

const port = self.quernPort;
delete self.quernPort;
export const say = (message) => port.postMessage(message);
export const onMessage = (take) => { port.onmessage = ({ data }) => take(data); };

const inCode = /artifact\.jsx:(\d+):(\d+)|artifact\.js:(\d+):(\d+)/;
let place = (line, column) => ({ line, column });
/** How lines of what runs become lines of the code as it was written. */
export function placeBy(map) {
	place = map;
}

// Where in the artifact's code an error came from: the first line of its stack that lies there.
function where(error) {
	const at = inCode.exec(error?.stack ?? "");
	if (error?.loc) return { line: error.loc.line, column: error.loc.column + 1 };
	return at ? place(Number(at[1] ?? at[3]), Number(at[2] ?? at[4])) : { line: 0, column: 0 };
}

export function problem(error) {
	const message = String(error?.message ?? error).slice(0, TEXT) || "the artifact failed";
	if (told.size > 20 || told.has(message)) return;
	told.add(message);
	say({ kind: "error", message, ...where(error) });
}

export function reportErrors() {
	addEventListener("error", (event) => {
		if (/ResizeObserver loop/.test(event.message)) return;
		if (event instanceof ErrorEvent) problem(event.error ?? { message: event.message });
	});
	addEventListener("unhandledrejection", (event) => problem(event.reason));
	addEventListener("securitypolicyviolation", (event) => {
		if (event.blockedURI && !/^(inline|eval|data|trusted-types)/.test(event.blockedURI))
			problem({ message: `nothing can be loaded from ${event.blockedURI.slice(0, 200)}: artifacts have no network` });
		else if (event.blockedURI === "eval") problem({ message: "artifacts cannot use eval or new Function" });
	});
}

export function reportHeight() {
	let last = -1;
	const tell = () => {
		const height = Math.ceil(document.documentElement.getBoundingClientRect().height);
		const wide = Math.max(height, document.body.scrollHeight);
		if (Math.abs(wide - last) < 1) return;
		last = wide;
		say({ kind: "height", height: wide });
	};
	let waits = false;
	const soon = () => {
		if (waits) return;
		waits = true;
		setTimeout(() => { waits = false; tell(); }, 50);
	};
	new ResizeObserver(soon).observe(document.body);
	tell();
}
