// A small test runner: test(name, fn) registers, run() runs all in order and ends the process. A test may return
// a promise, and calls skip(why) to be skipped. The last line is what tests/check sums up.
'use strict';

const tests = [];
const after = [];

class Skip extends Error {}

function test(name, fn) {
	tests.push({name, fn});
}

// Runs when all tests are over, also after failures; the last registered first.
function cleanup(fn) {
	after.unshift(fn);
}

function skip(why) {
	throw new Skip(why);
}

async function runOne({name, fn}, seconds) {
	let timer;
	const late = new Promise((_, reject) => {
		timer = setTimeout(() => reject(new Error(`no end after ${seconds} s`)), seconds * 1000);
	});
	try {
		await Promise.race([fn(), late]);
		console.log(`ok ${name}`);
		return 'passed';
	} catch (e) {
		if (e instanceof Skip) {
			console.log(`skip ${name}: ${e.message}`);
			return 'skipped';
		}
		console.log(`not ok ${name}`);
		console.log(String(e.stack || e).replace(/^/gm, '    '));
		return 'failed';
	} finally {
		clearTimeout(timer);
	}
}

async function cleanUp(count) {
	for (const fn of after) {
		try {
			await fn();
		} catch (e) {
			console.log(`not ok cleanup: ${e.stack || e}`);
			count.failed++;
		}
	}
}

// seconds is the longest time of one test. A part of a name as the first argument selects tests.
async function run({seconds = 60} = {}) {
	const count = {passed: 0, failed: 0, skipped: 0};
	const part = process.argv[2];
	for (const t of tests)
		if (!part || t.name.includes(part))
			count[await runOne(t, seconds)]++;
	await cleanUp(count);
	console.log(`# passed ${count.passed} failed ${count.failed} skipped ${count.skipped}`);
	process.exit(count.failed ? 1 : 0);
}

process.on('unhandledRejection', (e) => {
	console.log(`not ok unhandled rejection: ${e && e.stack || e}`);
	process.exit(1);
});

module.exports = {test, cleanup, skip, run};
