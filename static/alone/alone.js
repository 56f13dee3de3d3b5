// The script of an artifact that is one file. The page holds all that the frame would ask this host for; it has no network.
// Opened by people, the artifact runs in a frame as on its page; for a picture or paper it runs in the page itself, so that
// it can be laid out over sheets.
import { mount } from "../frame.js";

const content = JSON.parse(document.getElementById("content").textContent);
const place = document.getElementById("artifact");
// What stands for a library that the page does not hold: the large one of that name.
function file(url) {
	const name = url.replace(/^\/static\//, "").replace(/\?.*$/, "");
	return content.files[name] ?? (/\/plotly-basic-/.test(name) ? Object.entries(content.files).find(([other]) => /\/plotly-[0-9]/.test(other))?.[1] : undefined);
}

// Inside the frame all that writes markup or scripts goes through the policy of its document.
const CLOSED = `<meta http-equiv="Content-Security-Policy" content="require-trusted-types-for 'script'; trusted-types default">`;

async function framed() {
	self.fetch = async (url) => ({ ok: file(url) !== undefined, status: 404, text: async () => file(url) });
	const { done } = mount(place, { srcdoc: content.document.replace("<head>", () => `<head>${CLOSED}`), load: async () => content });
	return done;
}

function unframed() {
	const { port1, port2 } = new MessageChannel(), script = document.createElement("script"), errors = [];
	self.quernPort = port2;
	// Nobody is there who would answer.
	self.alert = self.confirm = self.prompt = self.print = () => {};
	const done = new Promise((resolve) => {
		port1.onmessage = ({ data: message }) => {
			if (message.kind === "need") for (const name of message.files) port1.postMessage({ kind: "library", file: name, text: file(`libs/${name}`) ?? "" });
			// An error is the end where nothing was painted; what is painted all the same is worth a picture.
			if (message.kind === "error" && errors.push(message) === 1) setTimeout(() => resolve({ ok: false, errors }), 3000);
			if (message.kind === "ready") resolve({ ok: !errors.length, errors: document.querySelector("#root:empty") ? errors : [] });
		};
	});
	script.textContent = file("sandbox.js");
	document.head.append(script);
	port1.postMessage({ kind: "init", type: content.type, code: content.code, data: content.data, dark: false });
	return done;
}

self.quernDone = content.framed ? framed() : unframed();
