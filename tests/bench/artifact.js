// How long a small React app takes until it is painted, from the moment that its page is asked for: in a browser that was never here,
// and again in the same one. And how many ways out of the frame a browser with a log found open.
'use strict';

const path = require('node:path');
const {spawnSync} = require('node:child_process');
const {launch, open, signIn} = require('../lib/browser.js');
const artifacts = require('../lib/artifacts.js');

const ROUNDS = 7;
const APP = `import { useState } from "react";
export default function App() {
	const [n, setN] = useState(0);
	return <button className="p-4 bg-blue-600 text-white" onClick={() => setN(n + 1)}>pressed {n}</button>;
}`;

async function painted(page, id) {
	const start = performance.now();
	const {ok, errors} = await artifacts.open(page, id);
	if (!ok) throw new Error(`the app does not run: ${JSON.stringify(errors)}`);
	return performance.now() - start;
}

// Resolves to {cold, warm}: milliseconds of each round. Signing in has loaded the page's own style and scripts, nothing of an artifact.
async function firstPaint(q) {
	const id = artifacts.put(q, {type: 'react', code: APP}), cold = [], warm = [];
	const browser = await launch();
	try {
		for (let i = 0; i < ROUNDS; i++) {
			const page = await open(browser, q);
			await signIn(page, q);
			cold.push(await painted(page, id));
			await page.goto('/p/shop');
			warm.push(await painted(page, id));
			await page.context().close();
		}
	} finally {
		await browser.close();
	}
	return {cold, warm};
}

// The number of ways that something got out, as the test counts them.
function escapes() {
	const done = spawnSync(process.execPath, [path.join(__dirname, '../browser/escapes.test.js')], {encoding: 'utf8'});
	const said = /^# escapes (\d+) of/m.exec(done.stdout);
	if (!said) throw new Error(`the test of ways out says nothing: ${done.stdout}${done.stderr}`);
	return Number(said[1]);
}

module.exports = {firstPaint, escapes};
