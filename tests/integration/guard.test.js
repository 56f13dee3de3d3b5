#!/usr/bin/env node
// The guard changes what is sent, and must not change what it says: questions with their accepted SQL and the TPC queries give the
// same rows as people wrote them and as the guard rewrote them, with a dictionary of columns and without.
'use strict';

const assert = require('node:assert');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const zlib = require('node:zlib');
const {test, cleanup, skip, run} = require('../lib/runner.js');
const {start, shared} = require('../lib/quern.js');

const SETTINGS = `\\set ON_ERROR_STOP off
	SET TimeZone = 'UTC'; SET DateStyle = 'ISO, YMD'; SET statement_timeout = '20s'; SET client_min_messages = error; SET jit = off;`;

let q, databases = 0;
const work = fs.mkdtempSync(path.join(os.tmpdir(), 'quern-guard-'));

test('start', async () => {
	q = await start();
});
cleanup(() => fs.rmSync(work, {recursive: true, force: true}));
cleanup(() => q && q.stop());

function load(text) {
	const name = `rows${++databases}`;
	q.sql('postgres', `CREATE DATABASE ${name}`);
	q.sql(name, text);
	return name;
}

// What the guard makes of each statement.
function guard(policy, statements) {
	const file = path.join(work, 'policy.json');
	fs.writeFileSync(file, JSON.stringify(policy));
	const done = q.cli(['guard', '--policy', file], {input: statements.map((sql, id) => JSON.stringify({id, sql})).join('\n')});
	assert.strictEqual(done.code, 0, done.stderr);
	return done.stdout.trim().split('\n').map((line) => JSON.parse(line));
}

// {state, rows} of each statement; rows in any order.
function runAll(database, path_, statements) {
	const script = statements.map((sql, i) => `\\echo @@${i}\n${sql.replace(/;\s*$/, '')}\n;\n\\echo @@ :SQLSTATE`);
	const out = q.sql(database, `${SETTINGS}\nSET search_path = ${path_};\n${script.join('\n')}\n`);
	return [...out.matchAll(/^@@(\d+)\n([^]*?)^@@ (\w+)$/gm)].map(([, , rows, state]) => ({state, rows: rows.split('\n').sort().join('\n')}));
}

function columnsOf(database, schema) {
	const rows = q.sql(database, `SELECT table_name || ' ' || column_name FROM information_schema.columns
		WHERE table_schema = '${schema}' ORDER BY table_name, ordinal_position`).split('\n');
	const columns = {};
	for (const row of rows) {
		const [table, column] = row.split(' ');
		(columns[table] ||= []).push(column);
	}
	return columns;
}

// Compares under both policies; returns how many gave the same rows.
function compare(database, schema, statements, {except = () => false} = {}) {
	const asked = runAll(database, `${schema}, pg_catalog`, statements);
	assert.strictEqual(asked.length, statements.length);
	const wrong = [];
	let same = 0;
	for (const policy of [{schema, max_rows: 1000000}, {schema, max_rows: 1000000, columns: columnsOf(database, schema)}]) {
		const decided = guard(policy, statements);
		const sent = runAll(database, 'pg_catalog', decided.map((d) => d.ok ? d.sql : 'SELECT'));
		statements.forEach((sql, i) => {
			if (asked[i].state !== '00000' || except(sql)) return;
			if (decided[i].ok && sent[i].state === '00000' && (sent[i].rows === asked[i].rows || !decided[i].repeatable)) same++;
			else wrong.push(`${sql}\n  ${decided[i].ok ? `${sent[i].state} ${decided[i].sql}` : decided[i].message}`);
		});
	}
	assert.deepStrictEqual(wrong, []);
	return same / 2;
}

const lines = (file) => fs.readFileSync(file, 'utf8').trim().split('\n').map((line) => JSON.parse(line));

function questions(dir, schema) {
	const database = load(fs.readFileSync(path.join(dir, 'database.sql'), 'utf8'));
	return compare(database, schema, lines(path.join(dir, 'questions.jsonl')).flatMap((question) => question.sql));
}

const sets = (dir) => fs.readdirSync(dir).filter((name) => fs.existsSync(path.join(dir, name, 'questions.jsonl')));

test('questions give the same rows', () => {
	const dir = shared('questions');
	if (!dir) skip('no shared questions');
	const same = sets(dir).map((name) => questions(path.join(dir, name), 'public')).reduce((a, b) => a + b);
	assert(same > 150, `${same}`);
});

test('questions in schemas of their own give the same rows', () => {
	const dir = shared('questions', 'spider');
	if (!dir) skip('no shared questions');
	const same = sets(dir).map((name) => questions(path.join(dir, name), name.toLowerCase())).reduce((a, b) => a + b);
	assert(same > 500, `${same}`);
});

for (const [name, least] of [['tpch', 21], ['tpcds', 90]])
	test(`${name} gives the same rows`, () => {
		const data = shared('tpc', `${name}.sql.gz`);
		if (!data) skip('no shared data');
		const database = load(zlib.gunzipSync(fs.readFileSync(data)).toString());
		const same = compare(database, 'public', JSON.parse(fs.readFileSync(shared('tpc', `${name}_queries.json`), 'utf8')).map((x) => x.sql));
		assert(same >= least, `${same}`);
	});

run({seconds: 300});
