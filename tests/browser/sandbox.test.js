#!/usr/bin/env node
// The frame that artifacts run in: what they can do in a real Chromium, and what gets out of it.
'use strict';

const assert = require('node:assert');
const {test, cleanup, run} = require('../lib/runner.js');
const {start, Client} = require('../lib/quern.js');
const {launch, open, signIn, shot} = require('../lib/browser.js');
const artifacts = require('../lib/artifacts.js');

const SALES = {sales: {columns: [{name: 'month', type: 'text', kind: 'text'}, {name: 'revenue', type: 'numeric', kind: 'number'}],
	rows: [['Jan', '3.5'], ['Feb', '4'], ['Mar', null]], row_count: 3, truncated: false}};
let q, browser, page;

// Shows code as an artifact; resolves to {ok, errors, frame, id}.
async function show(type, code, data = SALES) {
	const id = artifacts.put(q, {type, code, data});
	return {id, ...await artifacts.open(page, id)};
}

test('start', async () => {
	q = await start({args: []});
	browser = await launch();
	page = await open(browser, q);
	await signIn(page, q);
});
cleanup(() => q && q.stop());
cleanup(() => browser && browser.close());

test('a React app runs, and its buttons', async () => {
	const {ok, errors, frame} = await show('react', `import { useState } from "react";
import { sumBy } from "lodash";
export default function App() {
	const [n, setN] = useState(0);
	return <div className="p-4 bg-blue-600 text-white"><p id="sum">{sumBy(data.sales.records, "revenue")}</p><button onClick={() => setN(n + 1)}>pressed {n}</button></div>;
}`);
	assert.ok(ok, JSON.stringify(errors));
	assert.equal(await frame.locator('#sum').innerText(), '7.5');
	await frame.getByRole('button').click();
	assert.equal(await frame.getByRole('button').innerText(), 'pressed 1');
	assert.match(await frame.locator('.p-4').evaluate((node) => getComputedStyle(node).padding), /16px/, 'Tailwind made the classes');
	await shot(page, 'sandbox-react');
});

test('only the libraries that are used are loaded', async () => {
	const asked = [];
	const note = (r) => { const m = /\/static\/libs\/([a-z0-9-]+?)-[0-9.]+\.js/.exec(r.url()); if (m) asked.push(m[1]); };
	page.on('request', note);
	await show('react', 'export default () => <p>plain</p>');
	assert.deepEqual(asked.sort(), ['babel', 'react']);
	asked.length = 0;
	await show('svg', '<svg viewBox="0 0 9 9"><rect width="9" height="9"/></svg>');
	assert.deepEqual(asked, []);
	page.off('request', note);
});

test('figures take their values from the data', async () => {
	const plotly = await show('plotly', JSON.stringify({data: [{type: 'bar', x: {$data: 'sales.month'}, y: {$data: 'sales.revenue'}}], layout: {}}));
	assert.ok(plotly.ok, JSON.stringify(plotly.errors));
	assert.equal(await plotly.frame.locator('.bars .point').count(), 3);
	const echarts = await show('echarts', JSON.stringify({xAxis: {type: 'category', data: {$data: 'sales.month'}}, yAxis: {}, series: [{type: 'bar', data: {$data: 'sales.revenue'}}]}));
	assert.ok(echarts.ok, JSON.stringify(echarts.errors));
	assert.match(await echarts.frame.locator('svg').innerHTML(), /Jan/);
	const each = await show('plotly', JSON.stringify({data: [{$each: 'sales.month', name: {$value: true}, type: 'bar', x: {$data: 'sales.month'}, y: {$data: 'sales.revenue'}}], layout: {showlegend: true}}));
	assert.ok(each.ok, JSON.stringify(each.errors));
	assert.deepEqual(await each.frame.locator('.legendtext').allTextContents(), ['Jan', 'Feb', 'Mar']);
	assert.equal(await each.frame.locator('.bars .trace, .trace.bars').count(), 3);
	const nowhere = await show('plotly', JSON.stringify({data: [{$each: 'sales.week'}]}));
	assert.match(nowhere.errors[0].message, /no "sales\.week"/);
	const none = await show('plotly', JSON.stringify({data: [{x: {$data: 'sales.week'}}]}));
	assert.match(none.errors[0].message, /no "sales\.week"; there is: sales\.month, sales\.revenue/);
});

test('errors say the line and column of the code, as text', async () => {
	const cases = [
		['react', 'export default function App() {\n  const x = 1;\n  return <p>{x.foo.bar}</p>;\n}', /reading 'bar'/, 3],
		['react', 'export default function App() {\n  return <p>{</p>;\n}', /Unexpected token/, 2],
		['react', 'import x from "framer-motion";\nexport default () => <p>{x}</p>', /no module "framer-motion"; there are: react 19/, 1],
		['react', 'const a = 1;', /exports no component/, 0],
		['html', '<p>a</p>\n<script>\nlet a;\na.b();\n</script>', /reading 'b'/, 4],
		['plotly', '{\n "data": [1,]\n}', /not valid JSON/, 2],
		['svg', 'nothing', /no <svg> element/, 0],
		['react', 'throw new Error("<img src=x onerror=alert(1)>")', /<img src=x/, 1],
	];
	for (const [type, code, message, line] of cases) {
		const {ok, errors} = await show(type, code);
		assert.equal(ok, false, code);
		assert.match(errors[0].message, message);
		assert.equal(errors[0].line, line, `${code}: ${JSON.stringify(errors[0])}`);
		assert.match(await page.locator('.artifact-problems').innerText(), message);
	}
	assert.equal(await page.locator('.artifact-problems img').count(), 0);
});

test('the frame\'s document opened directly has no origin, no cookies, no storage', async () => {
	const {id} = await show('svg', '<svg></svg>');
	await page.goto(`/artifacts/${id}/sandbox`);
	const seen = await page.evaluate(() => {
		const fails = (f) => { try { f(); return false; } catch { return true; } };
		return {origin: self.origin, cookie: fails(() => document.cookie), local: fails(() => localStorage.length), session: fails(() => sessionStorage.length),
			database: fails(() => indexedDB.open('x')), text: document.body.textContent.trim()};
	});
	assert.deepEqual(seen, {origin: 'null', cookie: true, local: true, session: true, database: true, text: ''});
});

test('the frame\'s document has its own headers, and people without access get none', async () => {
	const id = artifacts.put(q, {type: 'svg', code: '<svg></svg>'});
	const owner = await new Client(q).signIn('analyst@example.com'), other = await new Client(q).signIn('viewer@example.com');
	const {status, headers, text} = await owner.get(`/artifacts/${id}/sandbox`);
	assert.equal(status, 200);
	const policy = headers['content-security-policy'];
	for (const part of ['sandbox allow-scripts;', 'default-src \'none\'', 'connect-src \'none\'', 'form-action \'none\'', 'frame-src \'none\'', 'worker-src \'none\'', 'frame-ancestors \'self\''])
		assert.ok(policy.includes(part), part);
	assert.ok(!/unsafe-eval|https?:|allow-same-origin/.test(policy), policy);
	assert.equal(headers['referrer-policy'], 'no-referrer');
	assert.equal(headers['x-dns-prefetch-control'], 'off');
	assert.equal(text, (await owner.get(`/artifacts/${artifacts.put(q, {type: 'html', code: 'secret code'})}/sandbox`)).text, 'the same for all');
	assert.equal((await other.get(`/artifacts/${id}/sandbox`)).status, 404);
	assert.equal((await new Client(q).get(`/artifacts/${id}/sandbox`)).status, 303);
	const around = (await owner.get(`/artifacts/${id}`)).headers['content-security-policy'];
	assert.ok(around.includes('frame-src \'self\'') && around.includes('default-src \'none\'') && !around.includes('unsafe'), around);
});

test('what was compiled once in a tab is not compiled again', async () => {
	const asked = [];
	const note = (r) => { const m = /\/static\/libs\/([a-z0-9-]+?)-[0-9.]+\.js/.exec(r.url()); if (m) asked.push(m[1]); };
	const {id} = await show('react', 'export default function App() {\n  return <p id="x">{data.sales.row_count}</p>;\n}');
	page.on('request', note);
	const again = await artifacts.open(page, id);
	page.off('request', note);
	assert.equal(await again.frame.locator('#x').innerText(), '3');
	assert.deepEqual(asked, ['react']);
});

run({seconds: 120});
