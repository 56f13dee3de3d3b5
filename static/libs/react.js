import * as React from "react";
import * as JsxRuntime from "react/jsx-runtime";
import * as ReactDOM from "react-dom";
import * as Client from "react-dom/client";

// What older code calls, too.
const roots = new WeakMap();
function render(node, container) {
	if (!roots.has(container)) roots.set(container, Client.createRoot(container));
	roots.get(container).render(node);
}

globalThis.React = React;
globalThis.ReactJsxRuntime = JsxRuntime;
globalThis.ReactDOM = { ...ReactDOM, ...Client, render };
