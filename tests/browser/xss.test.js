#!/usr/bin/env node
// Hostile text in every place where people, databases and the model can put some: names, comments, values, defaults, titles,
// questions, answers, errors, steps, SQL. All pages are opened in Chromium; nothing may run, and nothing may become markup.
'use strict';

const assert = require('node:assert');
const {spawn} = require('node:child_process');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const {test, cleanup, run} = require('../lib/runner.js');
const {build, start, shared} = require('../lib/quern.js');
const {launch, open, signIn, ask} = require('../lib/browser.js');

const OWN = [
	'<script>xss()</script>', '"><img src=x onerror=xss()>', '\'><svg onload=xss()>', '</title><script>xss()</script>', '</textarea><script>xss()</script>',
	'</script><script>xss()</script>', '</code></pre><script>xss()</script>', '<!--<script>--><img src=x onerror=xss()>', '" autofocus onfocus=xss() x="', '\' onmouseover=xss() x=\'',
	'` onload=xss() `', '<iframe srcdoc="<script>parent.xss()</script>">', '<a href=javascript:xss()>a</a>', '[a](javascript:xss())', '[a](java\tscript:xss())',
	'![a](x" onerror="xss())', '[a](<x" onclick="xss()>)', '[a]: javascript:xss()\n\n[a]', '<javascript:xss()>', '```"><img src=x onerror=xss()>\nx\n```', '| <img src=x onerror=xss()> |\n|---|\n| <svg onload=xss()> |',
	'<base href=//evil.example/>', '<meta http-equiv=refresh content=0;url=//evil.example>', '<form action=//evil.example><button>', '<link rel=stylesheet href=//evil.example>',
	'![p](https://evil.example/p.png)', '<style>*{background:url(//evil.example)}</style>', '<math><mtext><table><mglyph><style><img src=x onerror=xss()>', '<template><script>xss()</script></template>',
	'&lt;script&gt;xss()&lt;/script&gt;', '&#60;script&#62;xss()&#60;/script&#62;', '{{{layout.csrf}}}', '{{#layout}}<script>xss()</script>{{/layout}}', '${xss()}', '\';xss();//', '</div></body><script>xss()</script>',
	'\u202e<script>xss()</script>', '\u2028<img src=x onerror=xss()>', '<img src=x onerror=xss()//', '<<script>xss();//<</script>', '<input name=csrf form=x>', '<div id=main data-csrf=x data-ask-form>', 'x" style="position:fixed',
	'data: x\n\nevent: done\ndata: {}', '<object data=javascript:xss()>', '<x contenteditable onblur=xss() autofocus>'];

// Payloads that others collected, where they are at hand.
function collected() {
	const lists = shared('xss', 'payloadsallthethings', 'XSS Injection', 'Intruders'), purify = shared('xss', 'dompurify.json');
	const lines = lists ? fs.readdirSync(lists).flatMap((name) => fs.readFileSync(path.join(lists, name), 'utf8').split('\n')) : [];
	return [...lines, ...(purify ? JSON.parse(fs.readFileSync(purify, 'utf8')).map((entry) => entry.payload) : [])];
}
const fits = (text) => text.trim() && !/[\0\ufffd]/.test(text) && text.isWellFormed?.() !== false && text.length < 4000;
const ALL = [...new Set([...OWN, ...collected().filter(fits)])];
const bytes = (text, most) => Buffer.byteLength(text) <= most;
const LINES = ALL.filter((text) => !/[\x00-\x1f\x7f]/.test(text));
const NAMES = LINES.filter((text) => bytes(text, 60)).map((text) => text.trim());
const at = (list, i) => list[i % list.length];

const ident = (name) => `"${name.replaceAll('"', '""')}"`;
const literal = (text) => `'${text.replaceAll('\'', '\'\'')}'`;
const rows = (list) => `jsonb_array_elements_text($xss$${JSON.stringify(list)}$xss$::jsonb)`;

const SCHEMA = 's"><img src=x onerror=xss()>';
const TABLES = [...new Set(['cells', ...NAMES.filter((text) => !/[/;#?\\]/.test(text)).slice(0, 12)])];
let q, browser, page, model;
const seen = {requests: new Set(), violations: new Set(), dialogs: [], pages: 0};

// The model ----------------------------------------------------------------------------------------------------------

// A model that says all of it, in pieces, and tools and errors that repeat it.
async function startModel() {
	const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'quern-xss-')), file = path.join(dir, 'scenario.json');
	cleanup(() => fs.rmSync(dir, {recursive: true}));
	const sayable = ALL.filter((text) => !text.includes('{{')), parts = [];
	for (let i = 0; i < sayable.length && parts.length < 8; i += 120) parts.push(sayable.slice(i, i + 120).join('\n\n'));
	const sql = 'SELECT * FROM cells ORDER BY id LIMIT 5000';
	const rules = parts.map((text, i) => ({match: `say part ${i}$`, reply: {text, chunk: 4000}}));
	rules.push({match: 'select it', call: 0, reply: {text: OWN[0], tools: [{name: 'execute_sql', input: {sql}}]}}, {match: 'select it', reply: {text: `All of it:\n\n{{table}}\n${OWN[1]}`}},
		{match: 'fail at it', call: 0, reply: {tools: [{name: 'execute_sql', input: {sql: `SELECT ${literal(OWN[1])}::text::integer AS ${ident(OWN[2].slice(0, 60))} /* ${OWN[3]} */`}}]}}, {match: 'fail at it', reply: {text: '{{tool_result}}'}},
		{match: 'refuse it', call: 0, reply: {tools: [{name: 'execute_sql', input: {sql: `SELECT * FROM ${ident(OWN[1])}`}}]}}, {match: 'refuse it', reply: {text: '{{tool_result}}'}},
		{match: 'break on it', reply: {status: 400, error: {type: 'invalid_request_error', message: OWN.slice(0, 8).join(' ')}}});
	fs.writeFileSync(file, JSON.stringify({rules}));
	model = spawn(path.join(build, 'scripted-provider'), ['--port', '0', '--scenario', file], {stdio: ['ignore', 'pipe', 'inherit']});
	const port = await new Promise((resolve) => { model.stdout.once('data', (d) => resolve(String(d).trim())); });
	return {env: {QUERN_LLM_URL: `http://127.0.0.1:${port}`, QUERN_LLM_KEY: 'k', QUERN_LLM_MODEL: 'scripted'}, parts: parts.length};
}

// The database -------------------------------------------------------------------------------------------------------

function tableSql(name, n) {
	const columns = [...new Set(Array.from({length: 60}, (_, i) => at(NAMES, n * 60 + i)))], table = `${ident(SCHEMA)}.${ident(name)}`;
	const list = columns.map((column, i) => `${ident(column)} ${i % 7 === 0 ? `${ident(SCHEMA)}.mood` : 'text'} DEFAULT ${i % 7 === 0 ? literal(at(NAMES, 3)) : literal(at(LINES, n * 60 + i))}`);
	return `CREATE TABLE ${table} (id bigint PRIMARY KEY, ${list.join(', ')}, CONSTRAINT ${ident(at(NAMES, n))} CHECK (id::text <> ${literal(at(LINES, n))}));
		INSERT INTO ${table} (id) SELECT generate_series(1, 20);
		COMMENT ON TABLE ${table} IS ${literal(at(ALL, n))}; CREATE INDEX ${ident(`${n} ${at(NAMES, n + 1000)}`)} ON ${table} (id);
		${columns.map((column, i) => `COMMENT ON COLUMN ${table}.${ident(column)} IS ${literal(at(ALL, n * 60 + i))};`).join('\n')}`;
}

function fillSource() {
	q.sql('postgres', 'CREATE DATABASE hostile');
	const labels = [...new Set(NAMES.slice(0, 40))];
	q.sql('hostile', `CREATE SCHEMA ${ident(SCHEMA)}; CREATE TYPE ${ident(SCHEMA)}.mood AS ENUM (${labels.map(literal).join(', ')});
		CREATE TABLE ${ident(SCHEMA)}.cells (id bigint PRIMARY KEY, ${ident(OWN[1])} text, kind text, "json" jsonb); COMMENT ON TABLE ${ident(SCHEMA)}.cells IS ${literal(OWN[0])};
		INSERT INTO ${ident(SCHEMA)}.cells SELECT row_number() OVER (), t, 'v' || (ordinality % 3), jsonb_build_object(t, t) FROM ${rows(ALL)} WITH ORDINALITY AS x (t, ordinality);
		${TABLES.filter((name) => name !== 'cells').map(tableSql).join('\n')} ANALYZE;`);
	const address = (user, password) => `postgresql://${user}:${encodeURIComponent(password)}@${encodeURIComponent(q.env.QUERN_DEV_PG_SOCKET)}/hostile\n`;
	const made = [q.cli(['setup-db', '--admin-dsn', '-', '--schema', SCHEMA, '--role', 'hostile_reader'], {input: address('quern_dev', q.env.QUERN_DEV_SUPERUSER_PASSWORD), env: {QUERN_ROLE_PASSWORD: 'hostile reader'}}),
		q.cli(['project', 'add', '--slug', 'hostile', '--name', OWN[1], '--schema', SCHEMA, '--dsn', '-'], {input: address('hostile_reader', 'hostile reader')}),
		q.cli(['dictionary', 'generate', '--project', 'hostile'])];
	for (const {code, stderr} of made) assert.equal(code, 0, stderr);
}

// The platform -------------------------------------------------------------------------------------------------------

const preview = (text) => ({columns: [{name: text, type: text, kind: 'text'}, {name: 'n', type: 'int4', kind: 'number'}], rows: [[text, 1], [null, null]], truncated: true, cut: text});
const record = (text) => ({steps: [{n: 1, name: text, label: text, state: text, detail: text, ms: 1}], tables: [text], from_catalog: true,
	queries: [{run_id: 1, sql: text, sql_run: `${text} `, ok: true, rows: 2, ms: 1, truncated: true, cut: text, preview: preview(text)}, {run_id: 2, sql: text, ok: false, error: text, rows: 0, ms: 1}]});

function fillPlatform() {
	const turns = ALL.map((text, i) => ({q: text, a: text, r: record(text), e: i % 2 ? {message: text, detail: text, hint: text} : null}));
	q.sql('quern', `UPDATE projects SET description = ${literal(OWN.join('\n').slice(0, 3900))}, prompt = ${literal(`</textarea>${OWN[0]}`)}, row_cap = 5000,
		suggestions = ARRAY[${LINES.slice(0, 6).map((text) => literal(text.slice(0, 290))).join(', ')}] WHERE slug = 'hostile';
		INSERT INTO project_models (project_id, place, format, url, model) SELECT id, n, 'openai', 'javascript:xss()//' || ${literal('"><script>xss()</script>')}, ${literal('"><script>xss()</script>')} FROM projects, generate_series(1, 2) n WHERE slug = 'hostile';
		INSERT INTO users (email, name, origin, groups) SELECT 'u' || ordinality || '''&{{x}}=\`@example.com', left(t, 200), 'header', ARRAY[t, t] FROM ${rows(LINES.slice(0, 150))} WITH ORDINALITY AS x (t, ordinality);
		UPDATE sources SET probed_at = now(), probe = jsonb_build_object('ok', false, 'grave', true, 'message', x.t, 'hint', x.t, 'warnings', (SELECT jsonb_agg(jsonb_build_object('text', t, 'mend', t, 'sql', n % 2 = 0, 'grave', n % 3 = 0)) FROM ${rows(LINES.slice(0, 60))} WITH ORDINALITY AS y (t, n))) FROM ${rows(OWN.slice(0, 1))} AS x (t) WHERE project_id = (SELECT id FROM projects WHERE slug = 'hostile');
		UPDATE users SET name = ${literal(OWN[3])}, groups = ARRAY[${literal(OWN[3])}] WHERE email = 'admin@example.com';
		INSERT INTO members (project_id, user_id, role, origin) SELECT p.id, u.id, 'viewer', CASE WHEN u.id % 2 = 0 THEN 'header' ELSE 'local' END FROM projects p, users u WHERE slug = 'hostile' AND u.origin = 'header';
		INSERT INTO audit_log (user_id, action, object, detail, address) SELECT 1, t, t, jsonb_build_object(t, t), t FROM ${rows(LINES.slice(0, 300))} t;
		INSERT INTO saved_queries (project_id, user_id, name, description, sql, shared, parameters) SELECT p.id, u.id, left(t, 200), left(t, 4000), left(t || ' {{x}}', 8000), true, jsonb_build_array(jsonb_build_object('name', 'x', 'type', 'text', 'value', t))
			FROM projects p, users u, ${rows(LINES.slice(0, 60))} t WHERE slug = 'hostile' AND u.email = 'admin@example.com';
		INSERT INTO query_runs (project_id, user_id, sql_asked, sql_run, outcome, origin, error, result) SELECT p.id, u.id, t, t, CASE WHEN ordinality % 2 = 0 THEN 'failed' ELSE 'done' END, 'sql',
			CASE WHEN ordinality % 2 = 0 THEN jsonb_build_object('error', jsonb_build_object('message', t, 'detail', t, 'hint', t, 'position', 2)) END,
			CASE WHEN ordinality % 2 = 1 THEN jsonb_build_object('columns', jsonb_build_array(jsonb_build_object('name', t, 'type', t, 'kind', 'text')), 'rows', jsonb_build_array(jsonb_build_array(t)), 'truncated', true, 'cut', t) END
			FROM projects p, users u, ${rows(OWN)} WITH ORDINALITY AS x (t, ordinality) WHERE slug = 'hostile' AND u.email = 'admin@example.com';
		INSERT INTO policy_rules (project_id, role, table_name, kind, column_name, value)
			SELECT p.id, 'viewer', left(t, 40) || n, 'mask', left(t, 60), t FROM projects p, ${rows(LINES.slice(0, 60))} WITH ORDINALITY AS x (t, n) WHERE slug = 'hostile'
			UNION ALL SELECT p.id, 'analyst', left(t, 40) || n, 'filter', '', left(t, 1900) FROM projects p, ${rows(LINES.slice(0, 60))} WITH ORDINALITY AS x (t, n) WHERE slug = 'hostile';
		INSERT INTO conversations (project_id, user_id, title) SELECT p.id, u.id, left(t, 200) FROM projects p, users u, ${rows(LINES.slice(0, 98))} t WHERE slug = 'hostile' AND u.email = 'admin@example.com';
		INSERT INTO turns (conversation_id, question, status, answer, record, error, model, input_tokens, finished_at)
		SELECT (SELECT max(id) FROM conversations), x->>'q', CASE WHEN x->>'e' IS NULL THEN 'done' ELSE 'failed' END, x->>'a', x->'r', nullif(x->'e', 'null'), left(x->>'q', 200), 1, now() FROM jsonb_array_elements($xss$${JSON.stringify(turns)}$xss$::jsonb) x;
		UPDATE turns t SET parent_id = b.before FROM (SELECT id, lag(id) OVER (ORDER BY id) AS before FROM turns) b WHERE b.id = t.id;
		INSERT INTO turns (conversation_id, question, status, parent_id) SELECT conversation_id, left(question, 100), 'done', parent_id FROM turns WHERE id % 5 = 0;
		UPDATE conversations SET leaf_id = (SELECT max(id) FROM turns WHERE answer <> '') WHERE id = (SELECT max(id) FROM conversations);
		INSERT INTO turn_feedback (turn_id, user_id, good, reason) SELECT t.id, u.id, t.id % 2 = 0, left(t.question, 1900) FROM turns t, users u WHERE u.email = 'admin@example.com' AND t.id % 3 = 0;`);
}

// Looking ------------------------------------------------------------------------------------------------------------

// Marks every way of running that payloads use. They cannot reach it if all is well. Inside an artifact's frame code may run.
const HOOKS = `if (window === top) for (const name of ['xss', 'alert', 'confirm', 'prompt', 'print', 'open'])
	Object.defineProperty(window, name, {configurable: true, value: (...args) => { console.error('EXECUTED ' + name + ' ' + args.join()); return null; }});
	document.addEventListener('securitypolicyviolation', (e) => console.error('VIOLATION ' + e.violatedDirective + ' ' + e.blockedURI + ' ' + e.sample));`;

// What the page holds that no template of ours makes.
const markup = () => page.evaluate(() => {
	const known = new Set(('html head meta title link script body a p div span h1 h2 h3 h4 h5 h6 ul ol li dl dt dd table thead tbody tr th td form input button label textarea select option details summary nav main '
		+ 'header footer section article aside code pre kbd strong em del s u hr br blockquote noscript dialog time datalist fieldset legend mark').split(' '));
	const found = [];
	// Text is shown by the browser's own means.
	if (document.contentType !== 'text/html') return found;
	// What is no address leads nowhere.
	const parse = (value) => { try { return new URL(value, location); } catch { return location; } };
	for (const node of document.querySelectorAll('*')) {
		if (node.matches('iframe[sandbox=allow-scripts][src$="/sandbox"], .thumb-live')) continue; // by script, as they should be
		const tag = node.localName, say = (why) => found.push(`${why}: ${node.outerHTML.slice(0, 160)}`);
		if (!known.has(tag)) say('element');
		for (const {name, value} of node.attributes) {
			if (/^on|^srcdoc$|^style$|^http-equiv$/i.test(name) && !(name === 'style' && tag === 'textarea')) say(`attribute ${name}`);
			if (/^(href|src|action|formaction|data|xlink:href)$/.test(name) && !['http:', 'https:', 'mailto:'].includes(parse(value).protocol)) say('address');
			if (/^(src|action|formaction)$/.test(name) && parse(value).origin !== location.origin) say('foreign address');
		}
		if (tag === 'script' && !new URL(node.src, location).pathname.startsWith('/static/')) say('script');
		if (['meta', 'link', 'title', 'script'].includes(tag) && node.parentNode.localName !== 'head') say('outside of the head');
		if (tag === 'link' && new URL(node.href).origin !== location.origin) say('foreign link');
		if (tag === 'form' && node.parentElement.closest('form')) say('form in a form');
	}
	if (document.querySelectorAll('body, main, html, head').length > 4) found.push('more than one of body, main, html, head');
	return found;
});

async function look(url, {fragment = false} = {}) {
	if (url) await page.goto(url);
	seen.pages++;
	const found = await markup();
	assert.deepEqual(found.filter((text) => !(fragment && /title/.test(text))), [], url);
	assert.deepEqual(page.problems.filter((text) => /EXECUTED|VIOLATION|Refused to|dialog:/.test(text)), [], url);
	assert.deepEqual([...seen.requests], [], url);
}

test('start with hostile data', async () => {
	const {env, parts} = await startModel();
	seen.parts = parts;
	q = await start({args: [], env});
	fillSource();
	fillPlatform();
	browser = await launch();
	page = await open(browser, q);
	await page.context().addInitScript(HOOKS);
	page.context().on('request', (r) => { if (!r.url().startsWith(q.url) && !r.url().startsWith('data:')) seen.requests.add(r.url()); });
	page.on('popup', (p) => seen.requests.add(`popup ${p.url()}`));
	await signIn(page, q, 'admin@example.com');
	console.log(`# ${ALL.length} payloads`);
});
cleanup(() => q && q.stop());
cleanup(() => model && model.kill());
cleanup(() => browser && browser.close());

test('the checks of this test see what they look for', async () => {
	await page.evaluate(() => { const d = document.createElement('div'); d.innerHTML = '<img src="https://evil.example/x" onerror="xss()"><svg></svg>'; document.body.append(d); });
	assert.ok((await markup()).length >= 3);
	await page.evaluate(() => window.xss('a'));
	await page.waitForTimeout(200);
	assert.ok(page.problems.some((text) => text.startsWith('EXECUTED xss')) && page.problems.some((text) => text.startsWith('VIOLATION')), page.problems.join('\n'));
	page.problems.length = 0;
	seen.requests.clear();
});

test('pages of the project, its data, its settings and the instance', async () => {
	const urls = ['/', '/account', '/admin/users', '/admin/log', '/admin/projects/new', '/p/hostile', '/p/hostile/data', '/p/hostile/settings', '/p/hostile/members', '/p/hostile/settings/rules',
		...TABLES.slice(0, 4).map((name) => `/p/hostile/settings/rules?as=viewer&of=${encodeURIComponent(name)}&table=${encodeURIComponent(name)}&condition=${encodeURIComponent(LINES[0])}`),
		...TABLES.slice(0, 4).map((name) => `/p/hostile/data/${encodeURIComponent(name)}?rows=1`),
		...TABLES.map((name) => `/p/hostile/data/${encodeURIComponent(name)}`)];
	for (const url of urls) await look(url);
	await page.goto('/p/hostile/data');
	for (const href of await page.locator('#tables a').evaluateAll((list) => list.map((a) => a.getAttribute('href')))) await look(href);
	await page.goto('/p/hostile/data/cells');
	assert.match(await page.locator('main').innerText(), /<script>xss\(\)<\/script>/, 'hostile text is shown as text');
});

test('the SQL page, saved queries and runs', async () => {
	const ids = (sql) => q.sql('quern', sql).split('\n');
	await look('/p/hostile/sql');
	await look('/p/hostile/queries');
	for (const id of ids('SELECT id FROM saved_queries ORDER BY id LIMIT 12')) {
		await look(`/p/hostile/queries/${id}`);
		await look(`/p/hostile/sql?query=${id}`);
	}
	for (const id of ids(`SELECT id FROM query_runs WHERE origin = 'sql' ORDER BY id LIMIT 12`)) {
		await look(`/runs/${id}`);
		await look(`/runs/${id}?first=0`, {fragment: true});
		await look(`/p/hostile/sql?run=${id}`);
	}
	for (const text of OWN.slice(0, 8)) {
		await page.goto('/p/hostile/sql');
		await page.locator('.cm-content').waitFor();
		await page.locator('.cm-content').click();
		await page.keyboard.press('Control+a');
		await page.keyboard.insertText(text);
		await page.locator('[data-run-sql]').click();
		await page.locator('[data-part=answer] .problem, [data-part=answer] .card, [data-part=params] .params').first().waitFor();
		await look();
		await page.locator('.save summary').click();
		await page.locator('.save [name=name]').fill(text);
		await page.locator('.save [name=description]').fill(text);
	}
});

test('what addresses and failed forms carry', async () => {
	for (const text of OWN) {
		const coded = encodeURIComponent(text);
		for (const url of [`/p/hostile?done=${coded}`, `/sign-in?next=${coded}`, `/p/hostile/data/${coded}`, `/${coded}`, `/p/${coded}`, `/turns/1/events?after=${coded}`, `/p/hostile/chat/999?turn=${coded}&until=${coded}`]) {
			await page.goto(url).catch((e) => assert.match(String(e), /ERR_|Download/));
			await look();
		}
	}
	for (const text of OWN) {
		await page.goto('/p/hostile/settings');
		await page.locator('#general [name=name]').evaluate((node, value) => { node.removeAttribute('maxlength'); node.value = value; }, text.repeat(40));
		await page.locator('#general [name=description]').evaluate((node, value) => { node.value = value; }, text);
		await page.getByRole('button', {name: 'Save the project'}).click();
		await page.locator('#general .problem').waitFor();
		await look();
	}
	for (const name of ['host', 'database', 'username', 'schema', 'excluded']) {
		await page.goto('/p/hostile/settings');
		await page.locator(`#source [name=${name}]`).fill(OWN[1]);
		await page.getByRole('button', {name: 'Test connection'}).click();
		await page.locator('#source').getByText(/./).first().waitFor();
		await look();
	}
});

// An artifact of the admin in the hostile project for each of the list: {type, title, note, code, data}. Resolves to their numbers.
function putArtifacts(list) {
	return q.sql('quern', `WITH x AS (SELECT x, nextval(pg_get_serial_sequence('artifacts', 'id')) AS id FROM jsonb_array_elements($xss$${JSON.stringify(list)}$xss$::jsonb) x),
		a AS (INSERT INTO artifacts (id, project_id, user_id, title, type, visible, n) OVERRIDING SYSTEM VALUE SELECT x.id, p.id, u.id, left(x->>'title', 200), x->>'type', 'project', 2 FROM x, projects p, users u
			WHERE p.slug = 'hostile' AND u.email = 'admin@example.com' RETURNING id, user_id),
		v AS (INSERT INTO artifact_versions (artifact_id, n, user_id, code, data, note) SELECT id, n, user_id, x->>'code', nullif(x->'data', 'null'), left(x->>'note', 500) FROM x JOIN a USING (id), generate_series(1, 2) n)
		SELECT id FROM a ORDER BY 1`).split('\n').map(Number);
}

test('artifacts: their titles, texts, code, data and errors, their gallery and their links', async () => {
	const say = (i) => ({title: at(LINES, i), note: at(LINES, i + 1)}), app = 'export default () => <p>{JSON.stringify(data)}</p>';
	const texts = [], pieces = 12, size = Math.ceil(ALL.length / pieces);
	for (let i = 0; i < pieces; i++) texts.push({...say(i), type: 'markdown', code: ALL.slice(i * size, (i + 1) * size).join('\n\n')});
	const table = {columns: NAMES.slice(0, 40).map((name) => ({name, type: name, kind: 'text'})), rows: [NAMES.slice(40, 80)], row_count: 1, truncated: false};
	const apps = [{...say(20), type: 'react', code: app, data: {sales: table}}, ...OWN.slice(0, 6).map((text, i) => ({...say(30 + i), type: 'react', code: text})),
		...OWN.slice(0, 6).map((text, i) => ({...say(40 + i), type: 'react', code: `throw new Error(${JSON.stringify(text)})`})), {...say(50), type: 'plotly', code: JSON.stringify({data: [{type: 'bar', x: OWN, y: OWN.map((_, i) => i)}], layout: {title: {text: OWN[1]}}})}];
	const ids = putArtifacts([...texts, ...apps]);
	for (const id of ids) {
		await look(`/artifacts/${id}`);
		const place = page.locator('[data-artifact-frame]');
		if (await place.count()) await place.evaluate(async (node) => { while (!node.frame) await new Promise((resolve) => setTimeout(resolve, 20)); await node.frame.done; });
		await look();
		await page.getByRole('tab', {name: 'Versions'}).click();
		await look();
	}
	for (const id of [ids[0], ids[12]]) for (const more of ['?version=1', '?card=1', '/rows', '/share']) await look(`/artifacts/${id}${more}`, {fragment: true});
	for (let url = '/p/hostile/artifacts'; url;) {
		await look(url);
		const older = page.locator('.older a');
		url = await older.count() ? await older.getAttribute('href') : null;
	}
	await page.locator('.thumb.live').first().waitFor({timeout: 30000});
	await look();
	for (const id of [ids[0], ids[12], ids[19]]) {
		await page.goto(`/artifacts/${id}/share`);
		await page.getByLabel('Everybody who has the link').check();
		await page.getByRole('button', {name: 'Make the link'}).click();
		await page.getByText('The link is ready').waitFor();
		await look();
		await look(new URL(await page.getByLabel('The link', {exact: true}).inputValue()).pathname);
	}
	q.sql('quern', `UPDATE artifact_links SET people = ARRAY[${OWN.slice(0, 6).map(literal).join(', ')}], embed_origins = people WHERE id % 2 = 0; UPDATE artifact_links SET audience = 'people', people = ARRAY[${OWN.slice(0, 6).map(literal).join(', ')}] WHERE id = 1`);
	await look(`/artifacts/${ids[0]}/share`);
	await look('/admin/links');
});

test('conversations: questions, answers, steps, cards, proofs and errors as stored', async () => {
	const chat = q.sql('quern', 'SELECT max(conversation_id) FROM turns');
	for (let url = `/p/hostile/chat/${chat}`, n = 0; url; n++) {
		await look(url);
		if (n % 8 === 0) {
			await page.locator('.steps > summary').first().click();
			await page.locator('.proof > summary').first().click();
			await page.locator('[data-side]').waitFor();
			await look();
		}
		const older = page.locator('.older a', {hasText: 'earlier'});
		url = await older.count() ? await older.getAttribute('href') : null;
	}
	assert.match(await page.locator('.question').first().innerText(), /xss\(\)|alert/);
	await page.keyboard.press('Control+k');
	await page.locator('dialog.palette li').first().waitFor();
	await look();
	for (let url = '/p/hostile/feedback'; url;) {
		await look(url);
		const older = page.locator('a.button', {hasText: 'Older'});
		url = await older.count() ? await older.getAttribute('href') : null;
	}
	for (const words of ['xss', 'script xss', 'onerror', 'svg', 'javascript']) {
		await look(`/p/hostile?q=${words}`);
		assert.ok(await page.locator('.found mark').count() > 0, words);
	}
});

test('what is typed into search, reasons and changed questions', async () => {
	await page.goto('/p/hostile');
	for (const text of OWN.slice(0, 12)) {
		await page.locator('[data-search]').fill(text);
		await page.locator('.found').waitFor();
		await look();
	}
	await page.goto('/p/hostile');
	await ask(page, 'What tables are there?');
	for (const text of OWN.slice(0, 6)) {
		await page.locator('[data-vote=bad]').last().click();
		await page.locator('.reason input').fill(text);
		await page.keyboard.press('Enter');
		await page.locator('.turn').last().locator('[data-reason]').waitFor();
		await look();
		await page.locator('[data-vote=bad]').last().click();
		await page.locator('[data-reason]').waitFor({state: 'detached'});
		const before = await page.locator('.turn').last().getAttribute('data-turn');
		await page.locator('[data-edit]').last().click();
		await page.locator('.edit textarea').fill(text);
		await page.keyboard.press('Enter');
		await page.waitForFunction((id) => { const t = [...document.querySelectorAll('.turn')].at(-1); return t.dataset.turn !== id && t.querySelector('.actions'); }, before);
		await look();
	}
});

test('answers as they come: the model, catalog answers, results and failures', async () => {
	q.sql('quern', 'DELETE FROM project_models'); // from here on a model answers
	await page.goto('/p/hostile');
	const questions = [...Array.from({length: seen.parts}, (_, i) => `say part ${i}`), 'select it', 'fail at it', 'refuse it', 'break on it', 'What tables are there?', 'describe cells',
		'show sample rows of cells', `describe ${TABLES[1]}`, OWN[0], OWN[1]];
	for (const question of questions) {
		await ask(page, question);
		await look();
	}
	const stored = q.sql('quern', `SELECT max(id) FROM query_runs WHERE outcome = 'done' AND rows > 40`);
	assert.ok(stored, 'all cells were selected');
	const many = Number(q.sql('quern', `SELECT rows FROM query_runs WHERE id = ${stored}`));
	for (let first = 0; first < many; first += 100) await look(`/runs/${stored}?first=${first}`, {fragment: true});
	await page.goBack();
	await page.reload();
	await look();
});

test('a title that is typed in, and the list that shows it', async () => {
	await page.goto('/p/hostile');
	await ask(page, 'What tables are there?');
	for (const text of OWN.slice(0, 12)) {
		await page.locator('[data-rename]').click();
		await page.locator('dialog.rename input').fill(text);
		await page.locator('dialog.rename button').click();
		await page.locator('dialog.rename').waitFor({state: 'detached'});
		await look();
	}
	await page.reload();
	await look();
	assert.ok(seen.pages > 100, `${seen.pages} pages were looked at`);
	console.log(`# ${seen.pages} pages`);
});

run({seconds: 300});
