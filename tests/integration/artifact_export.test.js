#!/usr/bin/env node
// Artifacts as files: who may have which, what they are called, what is in them.
'use strict';

const assert = require('node:assert');
const fs = require('node:fs');
const https = require('node:https');
const os = require('node:os');
const path = require('node:path');
const {test, cleanup, skip, run} = require('../lib/runner.js');
const {start, Client, sleep, until} = require('../lib/quern.js');

let q;
const callers = {};
const JSON_ONLY = {headers: {Accept: 'application/json'}};
const one = (text) => q.sql('quern', text);
const literal = (value) => (value === null ? 'NULL' : `$q$${typeof value === 'string' ? value : JSON.stringify(value)}$q$`);
const countries = {name: 'countries', sql: "SELECT country_code, count(*) AS customers FROM customers WHERE country_code IN ('FR', 'DE') GROUP BY 1 ORDER BY 1"};

function made({title = 'Sales', type = 'html', code = '<p>one</p>', sources = [], data = null, email = 'analyst@example.com'} = {}) {
	const id = one(`INSERT INTO artifacts (project_id, user_id, title, type, visible) SELECT p.id, u.id, ${literal(title)}, '${type}', 'project'
		FROM projects p, users u WHERE p.slug = 'shop' AND u.email = '${email}' RETURNING id`);
	one(`INSERT INTO artifact_versions (artifact_id, n, user_id, code, sources, data) SELECT ${id}, 1, id, ${literal(code)}, ${literal(sources)}, ${literal(data)} FROM users WHERE email = '${email}'`);
	return id;
}

// Chromium by a link, so that it can go while the instance runs.
const CHROMIUM = path.join(fs.mkdtempSync(path.join(os.tmpdir(), 'quern-chromium-')), 'chromium');
cleanup(() => fs.rmSync(path.dirname(CHROMIUM), {recursive: true}));

test('start', async () => {
	fs.symlinkSync('/usr/lib/chromium/chromium', CHROMIUM);
	q = await start({args: [], env: {QUERN_EXPORTS: '2', QUERN_CHROMIUM: CHROMIUM}});
	assert.equal(q.cli(['user', 'add', 'outsider@example.com'], {input: `${q.env.QUERN_DEMO_PASSWORD}\n`}).code, 0);
	for (const name of ['viewer', 'analyst', 'admin', 'outsider']) callers[name] = await new Client(q).signIn(`${name}@example.com`);
	callers.nobody = new Client(q);
});
cleanup(() => q && q.stop());

test('rows behind an artifact are for those who may export results', async () => {
	const id = made({sources: [countries]});
	for (const ending of ['csv', 'xlsx', 'html'])
		for (const [who, status] of Object.entries({viewer: 403, analyst: 200, admin: 200, outsider: 404, nobody: 401}))
			assert.equal((await callers[who].get(`/artifacts/${id}/export.${ending}`, JSON_ONLY)).status, status, `${ending} as ${who}`);
	assert.doesNotMatch((await callers.viewer.get(`/artifacts/${id}`)).text, /export\./, 'and the page offers nothing else');
	assert.match((await callers.analyst.get(`/artifacts/${id}`)).text, /export\.csv/);
	const plain = made({code: '<p>no rows</p>'});
	assert.equal((await callers.viewer.get(`/artifacts/${plain}/export.html`)).status, 200);
	one(`UPDATE artifacts SET visible = 'own' WHERE id = ${id}`);
	assert.equal((await callers.admin.get(`/artifacts/${id}/export.csv`, JSON_ONLY)).status, 404);
});

test('CSV holds the rows of the named query, as the person may see them, and the trail has it', async () => {
	const id = made({title: 'Two', sources: [countries, {name: 'total', sql: 'SELECT count(*) AS n FROM customers'}]});
	const first = await callers.analyst.get(`/artifacts/${id}/export.csv`);
	assert.match(first.text, /^country_code,customers\r\nDE,\d+\r\nFR,\d+\r\n$/);
	assert.match(first.headers['content-disposition'], /filename="two-countries-\d{4}-\d\d-\d\d\.csv"/);
	const second = await callers.analyst.get(`/artifacts/${id}/export.csv?source=total`);
	assert.match(second.text, /^n\r\n\d+\r\n$/);
	assert.equal((await callers.analyst.get(`/artifacts/${id}/export.csv?source=none`, JSON_ONLY)).status, 404);
	assert.equal(one(`SELECT detail->>'format' || (detail->>'rows') FROM audit_log WHERE action = 'artifact.export' AND object = 'artifact:${id}' ORDER BY id LIMIT 1`), 'csv2');
	assert.equal((await callers.analyst.get(`/artifacts/${made()}/export.csv`, JSON_ONLY)).status, 404, 'without a query there are no rows');
});

test('what the guard refuses stays where it is', async () => {
	const id = made({sources: [{name: 'secret', sql: 'SELECT * FROM pg_authid'}]});
	const csv = await callers.analyst.get(`/artifacts/${id}/export.csv`, JSON_ONLY);
	assert.equal(csv.status, 422);
	const html = await callers.analyst.get(`/artifacts/${id}/export.html`);
	assert.match(html.text, /class="problem">secret cannot be shown/);
	assert.doesNotMatch(html.text, /SCRAM/);
});

test('text leaves as it was written; what is no text does not', async () => {
	const text = '# A title\r\n\n| a | b |\n|---|---|\n| <b>1</b> | ü |\n';
	const id = made({title: 'Text', type: 'markdown', code: text});
	const md = await callers.viewer.get(`/artifacts/${id}/export.md`);
	assert.equal(md.text, text);
	assert.match(md.headers['content-type'], /^text\/markdown/);
	assert.equal((await callers.analyst.get(`/artifacts/${made()}/export.md`, JSON_ONLY)).status, 404);
	const html = (await callers.viewer.get(`/artifacts/${id}/export.html`)).text;
	assert.match(html, /<table>/);
	assert.doesNotMatch(html, /<script/);
});

test('files are named after titles, whatever these say', async () => {
	const names = {
		'../../etc/passwd': 'etc-passwd', 'a"; filename=evil.exe': 'a-filename-evil-exe', 'x\r\nSet-Cookie: a=b': 'x-set-cookie-a-b',
		'\u202Egpj.exe': 'gpj-exe', '...': 'artifact', 'CON': 'con', '<script>alert(1)</script>': 'script-alert-1-script',
		'Ünïcode 世界': null, ['x'.repeat(200)]: 'x'.repeat(80),
	};
	for (const [title, stem] of Object.entries(names)) {
		const {status, headers} = await callers.analyst.get(`/artifacts/${made({title})}/export.html`);
		assert.equal(status, 200, title);
		const disposition = headers['content-disposition'];
		assert.match(disposition, /^attachment; filename="[A-Za-z0-9._-]+"(; filename\*=UTF-8''[A-Za-z0-9._%-]+)?$/, title);
		if (stem) assert.match(disposition, new RegExp(`filename="${stem}-\\d{4}-\\d\\d-\\d\\d\\.html"`), title);
		assert.equal(headers['set-cookie'], undefined);
	}
});

test('nothing of an artifact ends the script or the page around it', async () => {
	const nasty = '</script><!--<script>\u2028\u2029]]></textarea></style></title><script>alert(1)</script>';
	const html = (await callers.analyst.get(`/artifacts/${made({title: nasty, code: nasty, data: {rows: [nasty]}})}/export.html`)).text;
	const blob = /<script type="application\/json" id="content">(.*?)<\/script>/s.exec(html)[1];
	assert.doesNotMatch(blob, /[<\u2028\u2029]/);
	const content = JSON.parse(blob);
	assert.equal(content.code, nasty);
	assert.deepEqual(content.data.rows, [nasty]);
	assert.equal(html.match(/<script/g).length, 2, 'the content and our own script');
	assert.equal(html.match(/<\/script/g).length, 2);
	assert.match(html, /Content-Security-Policy" content="default-src 'none'/);
});

// As trees of objects these four megabytes would be hundreds.
test('rows go into the page as text, without a copy of another kind', async () => {
	const wide = {name: 'wide', sql: `SELECT ${Array(40).fill('1').join(', ')} FROM generate_series(1, 50000)`};
	const most = () => Math.max(...below(process.pid).filter(({name}) => name === 'quern').map(({pid}) => Number(/VmHWM:\s+(\d+)/.exec(fs.readFileSync(`/proc/${pid}/status`, 'utf8'))[1])));
	assert.equal((await callers.analyst.get(`/artifacts/${made({code: '<p>none</p>'})}/export.html`)).status, 200);
	const before = most();
	const html = await callers.analyst.get(`/artifacts/${made({sources: [wide]})}/export.html`);
	assert.match(html.text, /"row_count":50000/);
	assert.ok(most() - before < 64 << 10, `${most() - before} KB`);
});

// Pictures and PDF files --------------------------------------------------------------------------------------

const ask = (client, id, format, version = 1) => client.post(`/artifacts/${id}/exports`, {format, version}, JSON_ONLY);

// Asks, waits, fetches; resolves to {state, error, headers, bytes}.
async function picture(client, id, format) {
	const asked = await ask(client, id, format);
	assert.equal(asked.status, 200, asked.text);
	const {address} = JSON.parse(asked.text);
	const last = await until(async () => {
		const now = JSON.parse((await client.get(address, JSON_ONLY)).text);
		return ["done", "failed"].includes(now.state) && now;
	}, `the ${format} of ${id}`, 100);
	return {...last, address, ...(last.file ? await raw(client, last.file) : {})};
}

function raw(client, url) {
	return new Promise((resolve, reject) => {
		https.get({host: "127.0.0.1", port: q.port, path: url, rejectUnauthorized: false, headers: {Cookie: [...client.cookies].map(([k, v]) => `${k}=${v}`).join("; ")}}, (res) => {
			const parts = [];
			res.on("data", (part) => parts.push(part));
			res.on("end", () => resolve({status: res.statusCode, headers: res.headers, bytes: Buffer.concat(parts)}));
		}).on("error", reject);
	});
}

function keep(name, bytes) {
	if (process.env.QUERN_SHOTS) fs.writeFileSync(path.join(process.env.QUERN_SHOTS, name), bytes);
}

// Why none can be made here, or nothing.
async function missing() {
	return /Pictures and PDF files cannot be made: ([^<]*)/.exec((await callers.analyst.get(`/artifacts/${made()}`)).text)?.[1];
}

const bars = {type: "plotly", code: JSON.stringify({data: [{type: "bar", x: {$data: "countries.country_code"}, y: {$data: "countries.customers"}}], layout: {title: {text: "Customers"}}}), sources: [countries]};
const app = `import { BarChart, Bar, XAxis, YAxis } from "recharts";
export default function App() { return <main className="p-4"><h2 className="text-xl font-bold">Sales</h2>
<BarChart width={600} height={240} data={[{month: "Jan", total: 10}, {month: "Feb", total: 30}]}><XAxis dataKey="month" /><YAxis /><Bar dataKey="total" fill="#2563eb" /></BarChart>
<table className="m-4"><tbody>{Array.from({length: 120}, (_, i) => <tr key={i}><td className="p-2">Row {i}</td></tr>)}</tbody></table></main>; }`;
const text = "# Sales\n\n| month | total |\n|---|---|\n| Jan | 10 |\n\n- one\n- two\n";
const drawing = '<svg viewBox="0 0 200 100"><rect width="200" height="100" fill="#e0e7ff"/><circle cx="60" cy="50" r="40" fill="#c2410c"/><text x="110" y="55" font-size="12">A drawing</text></svg>';
const types = [{title: "Customers / <b>month</b>", ...bars}, {title: "Long", type: "react", code: app}, {title: "Text", type: "markdown", code: text}, {title: "Drawing", type: "svg", code: drawing}];

// Both files of one artifact; resolves to {png, pdf}.
async function both(client, artifact) {
	const id = made(artifact);
	const [png, pdf] = await Promise.all(["png", "pdf"].map((format) => picture(client, id, format)));
	for (const [ending, file] of Object.entries({png, pdf})) {
		assert.equal(file.error, null, `${ending} of ${artifact.type}`);
		keep(`${artifact.type}.${ending}`, file.bytes);
	}
	return {png, pdf};
}

test("one request gets the file, and why there is none", async () => {
	const why = await missing();
	if (why) skip(why);
	const id = made(types[3]);
	for (const [ending, type, head] of [["png", "image/png", "89504e47"], ["pdf", "application/pdf", "25504446"]]) {
		const got = await raw(callers.analyst, `/artifacts/${id}/export.${ending}`);
		assert.equal(got.status, 200, got.bytes.toString().slice(0, 300));
		assert.equal(got.headers["content-type"], type);
		assert.match(got.headers["content-disposition"], new RegExp(`filename="drawing-[\\d-]{10}\\.${ending}"`));
		assert.equal(got.bytes.subarray(0, 4).toString("hex"), head);
	}
	const broken = await callers.analyst.get(`/artifacts/${made({type: "react", code: "nothing.there()"})}/export.png`, JSON_ONLY);
	assert.equal(broken.status, 503);
	assert.match(broken.text, /the artifact failed: nothing is not defined/);
});

test("every type becomes a picture and a PDF file, named after its title, two at once", async () => {
	const why = await missing();
	if (why) skip(why);
	// Four are asked for at once, by two people.
	const files = [...await Promise.all([both(callers.analyst, types[0]), both(callers.admin, types[1])]), ...await Promise.all([both(callers.analyst, types[2]), both(callers.admin, types[3])])];
	for (const {png, pdf} of files) {
		assert.deepEqual(png.bytes.subarray(0, 8), Buffer.from("89504e470d0a1a0a", "hex"));
		assert.equal(png.bytes.readUInt32BE(16), 2400, "twice the width, for sharp edges");
		assert.equal(pdf.bytes.subarray(0, 5).toString(), "%PDF-");
	}
	assert.match(files[0].png.headers["content-disposition"], /filename="customers-b-month-b-\d{4}-\d\d-\d\d\.png"/);
	assert.equal(files[0].pdf.headers["content-type"], "application/pdf");
	const sheets = files.map(({pdf}) => Number(/\/Count (\d+)/.exec(pdf.bytes.toString("latin1"))[1]));
	assert.ok(sheets[1] > 2, "rows go over sheets");
	assert.deepEqual([sheets[0], sheets[2], sheets[3]], [1, 1, 1], "what is short does not");
	assert.equal(one("SELECT count(*) FROM artifact_exports WHERE page IS NOT NULL"), "0", "what they were made from is gone");
	const most = one(`SELECT max(n) FROM (SELECT count(*) AS n FROM artifact_exports a JOIN artifact_exports b
		ON b.taken_at <= a.taken_at AND b.finished_at > a.taken_at GROUP BY a.id) x`);
	assert.equal(most, "2", "of eight, no more than the limit were made at once");
});

test("questions to nobody do not stop it", async () => {
	const why = await missing();
	if (why) skip(why);
	const asks = await picture(callers.analyst, made({code: "<p id=out></p><script>alert('x'); document.getElementById('out').textContent = [confirm('y'), prompt('z')]; print();</script>"}), "png");
	assert.equal(asks.error, null);
});

test("a file is for who asked for it, and who may export; two clicks are one", async () => {
	const why = await missing();
	if (why) skip(why);
	const id = made({title: "Mine", ...bars});
	assert.equal((await ask(callers.viewer, id, "png")).status, 403);
	assert.equal((await ask(callers.outsider, id, "png")).status, 404);
	assert.equal((await ask(callers.analyst, id, "exe")).status, 400);
	const [first, second] = await Promise.all([picture(callers.analyst, id, "png"), ask(callers.analyst, id, "png")]);
	const {address, file} = first;
	assert.equal(JSON.parse(second.text).address, address);
	for (const who of ["admin", "outsider", "viewer"]) for (const at of [address, file]) assert.ok([403, 404].includes((await callers[who].get(at, JSON_ONLY)).status), `${at} as ${who}`);
	assert.equal((await callers.nobody.get(file, JSON_ONLY)).status, 401);
	// The right to export is that to what the file was made of, not to what the address or the newest version is.
	const role = (name) => one(`UPDATE members m SET role = '${name}' FROM users u WHERE u.id = m.user_id AND u.email = 'analyst@example.com'`);
	one(`INSERT INTO artifact_versions (artifact_id, n, code) VALUES (${id}, 2, '{}'); UPDATE artifacts SET n = 2 WHERE id = ${id}`);
	role('viewer');
	for (const at of [address, file, `${file}?version=2`]) assert.equal((await callers.analyst.get(at, JSON_ONLY)).status, 403, at);
	role('analyst');
	assert.equal((await callers.analyst.get(file, JSON_ONLY)).status, 200);
	one(`DELETE FROM members m USING users u WHERE u.id = m.user_id AND u.email = 'analyst@example.com'`);
	assert.equal((await callers.analyst.get(file, JSON_ONLY)).status, 404, "not any more");
	one(`INSERT INTO members (project_id, user_id, role) SELECT p.id, u.id, 'analyst' FROM projects p, users u WHERE p.slug = 'shop' AND u.email = 'analyst@example.com'`);
});

test("one that fails says so, and what it says is text", async () => {
	const why = await missing();
	if (why) skip(why);
	const failed = await picture(callers.analyst, made({type: "react", code: "export default () => { throw new Error('<b>broken'); }"}), "png");
	assert.equal(failed.state, "failed");
	assert.match(failed.error, /the artifact failed: <b>broken/);
	assert.match((await callers.analyst.get(failed.address)).text, /&lt;b&gt;broken/);
});

// Processes below that one: {pid, started, name}.
function below(pid) {
	const all = fs.readdirSync("/proc").filter((name) => /^\d+$/.test(name)).flatMap((name) => {
		try {
			const [, comm, rest] = /^\d+ \((.*)\) (.*)$/s.exec(fs.readFileSync(`/proc/${name}/stat`, "utf8"));
			return [{pid: Number(name), name: comm, parent: Number(rest.split(" ")[1]), started: rest.split(" ")[19]}];
		} catch {
			return [];
		}
	});
	const found = [];
	for (let parents = [pid]; parents.length;) {
		const next = all.filter((x) => parents.includes(x.parent));
		found.push(...next);
		parents = next.map((x) => x.pid);
	}
	return found;
}
function lives({pid, started}) {
	try {
		const [state, ...rest] = /\) (.*)$/s.exec(fs.readFileSync(`/proc/${pid}/stat`, "utf8"))[1].split(" ");
		return rest[18] === started && state !== "Z";
	} catch {
		return false;
	}
}

test("a worker that is killed leaves no browser behind, and another one makes its file", async () => {
	const why = await missing();
	if (why) skip(why);
	const {address} = JSON.parse((await ask(callers.analyst, made({code: "<p>one</p>"}), "png")).text);
	const pid = await until(() => Number(one("SELECT w.pid FROM artifact_exports e JOIN workers w ON w.id = e.worker_id WHERE e.state = 'running'")), "it is on its way");
	const browsers = await until(() => { const list = below(pid); return list.some((x) => x.name === "chromium") && list; }, "its browser is there");
	process.kill(pid, "SIGKILL");
	await until(() => !browsers.some(lives), "all of it is gone");
	await until(async () => JSON.parse((await callers.analyst.get(address, JSON_ONLY)).text).state === "done", "another worker made it", 100);
	assert.equal(one("SELECT tries FROM artifact_exports ORDER BY id DESC LIMIT 1"), "2");
});

test("without Chromium the page says so, and the rest works", async () => {
	fs.rmSync(CHROMIUM);
	const id = made({sources: [countries]});
	const page = (await callers.analyst.get(`/artifacts/${id}`)).text;
	assert.match(page, /Pictures and PDF files cannot be made: Chromium is not installed here\./);
	assert.match(page, /value="pdf" disabled/);
	const asked = await ask(callers.analyst, id, "pdf");
	assert.equal(asked.status, 503);
	assert.match(asked.text, /Chromium is not installed here/);
	assert.equal((await callers.analyst.get(`/artifacts/${id}/export.csv`)).status, 200);
	assert.equal((await callers.analyst.get(`/artifacts/${id}/export.html`)).status, 200);
});

test("a worker that cannot make a file leaves it to others", async () => {
	const row = one(`INSERT INTO artifact_exports (artifact_id, user_id, version, format, page) SELECT id, user_id, 1, 'png', '<p>one' FROM artifacts LIMIT 1 RETURNING id`);
	const now = () => one(`SELECT state || tries FROM artifact_exports WHERE id = ${row}`);
	await sleep(2500);
	assert.equal(now(), "queued0");
	fs.symlinkSync('/usr/lib/chromium/chromium', CHROMIUM);
	const why = await missing();
	if (why) skip(why);
	await until(() => now() === "done1", "it is made", 60);
});

run({seconds: 240});
