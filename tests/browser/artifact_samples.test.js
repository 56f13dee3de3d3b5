#!/usr/bin/env node
// What models wrote: React apps, pages and Plotly figures that others collected, each shown in the frame. How many are shown without an
// error is printed; those that are not must say in words what they want that is not there. QUERN_ALL=1 takes all, else some.
'use strict';

const assert = require('node:assert');
const fs = require('node:fs');
const path = require('node:path');
const {test, cleanup, skip, run} = require('../lib/runner.js');
const {start, shared} = require('../lib/quern.js');
const {launch, open, signIn} = require('../lib/browser.js');
const artifacts = require('../lib/artifacts.js');

// What an artifact cannot have, as it is told.
const SAID = /is not part of it|there is no module|no network|cannot be loaded|cannot use eval|not there|is not defined/;
const PARTS = /^agrimind-/; // components that a program around them gives properties
const FOLDERS = {recharts: ['react', 1], tailwind: ['react', 3], html: ['html', 1], plotly: ['plotly', 12]}; // of how many one is taken
let q, browser, page;

test('start', async () => {
	if (!shared('artifacts')) skip('no samples here');
	q = await start({args: []});
	browser = await launch(['--enable-unsafe-swiftshader']);
	page = await open(browser, q, {width: 1100});
	await signIn(page, q);
	await page.goto(`/artifacts/${artifacts.put(q, {type: 'svg', code: '<svg viewBox="0 0 9 9"></svg>'})}`);
});
cleanup(() => q && q.stop());
cleanup(() => browser && browser.close());

async function one(type, file) {
	const late = new Promise((resolve) => setTimeout(() => resolve({ok: false, errors: [{message: 'late'}]}), 30000));
	const done = await Promise.race([artifacts.mount(page, {type, code: fs.readFileSync(file, 'utf8')}), late]);
	await page.waitForTimeout(type === 'plotly' ? 150 : 400); // errors that come after the first paint
	const later = (await page.locator('.tried .artifact-problems p').allInnerTexts()).filter((text) => !text.startsWith('The artifact does not answer')); // yet
	if (process.env.QUERN_SHOTS) {
		fs.mkdirSync(process.env.QUERN_SHOTS, {recursive: true});
		await page.locator('.tried').screenshot({path: path.join(process.env.QUERN_SHOTS, `sample-${path.basename(path.dirname(file))}-${path.basename(file)}.png`), timeout: 20000}).catch((e) => console.log(`# no picture of ${file}: ${e.message.split('\n')[0]}`));
	}
	await artifacts.take(page);
	return done.ok && !later.length ? [] : later.length ? later : done.errors.map((e) => e.message);
}

for (const [folder, [type, every]] of Object.entries(FOLDERS))
	test(`samples of ${folder}`, async () => {
		const dir = shared('artifacts', folder);
		if (!dir) skip('no samples here');
		const files = fs.readdirSync(dir).filter((name) => /\.(jsx|tsx|html|json)$/.test(name)).filter((_, i) => process.env.QUERN_ALL || i % every === 0);
		const failed = [];
		for (const name of files) {
			const errors = await one(type, path.join(dir, name));
			if (errors.length) failed.push([name, errors[0]]);
		}
		console.log(`# ${folder}: ${files.length - failed.length} of ${files.length} without an error`);
		for (const [name, error] of failed) console.log(`#   ${name}: ${error}`);
		assert.deepEqual(failed.filter(([name, error]) => !SAID.test(error) && !PARTS.test(name)), []);
		assert.ok(failed.length <= files.length / 2);
	});

run({seconds: 900});
