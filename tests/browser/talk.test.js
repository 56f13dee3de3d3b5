#!/usr/bin/env node
// What is done with conversations and whole answers, in a real Chromium: versions, verdicts, links, search, pins, marks, export.
'use strict';

const assert = require('node:assert');
const fs = require('node:fs');
const {test, cleanup, run} = require('../lib/runner.js');
const {start, until} = require('../lib/quern.js');
const {launch, open, signIn, ask, shot, fits, lowContrast} = require('../lib/browser.js');

let q, browser, page;
const last = (p = page) => p.locator('.turn').last();
const items = (p = page) => p.locator('[data-conversations] [data-chat]');
const toast = (p = page) => p.locator('.toast');

// Asks and waits until the answer is whole and the page knows where it stands.
async function asked(question, p = page) {
	const turn = await ask(p, question);
	await until(async () => await p.locator('[data-send]').isVisible(), 'the end of the answer');
	return turn;
}

// A link that was opened from elsewhere; the page may lead on before it has loaded.
async function follow(link) {
	await page.goto('/p/shop/queries');
	await page.goto(link).catch(() => {});
}

test('start and sign in', async () => {
	q = await start();
	browser = await launch();
	page = await open(browser, q);
	await signIn(page, q);
});
cleanup(() => q && q.stop());
cleanup(() => browser && browser.close());

test('a first visit tells what the data is about', async () => {
	const about = page.locator('.about');
	assert.match(await about.locator('summary').innerText(), /^\d+ tables with about [\d,]+ rows; \w+ from \w{3} \d{4} to \w{3} \d{4}$/);
	assert.ok(await about.locator('table').isVisible(), 'open on the first visit');
	assert.match(await about.innerText(), /orders\s/);
	assert.ok(await page.locator('.suggestions button').count() >= 4);
	await shot(page, 'talk-welcome');
});

test('where nobody wrote questions five are made from the dictionary, each way they can be answered', async () => {
	q.sql('quern', `UPDATE projects SET suggestions = '{}' WHERE slug = 'shop'`);
	await page.goto('/p/shop');
	const texts = await page.locator('.suggestions button').allInnerTexts();
	assert.equal(texts.length, 5);
	assert.match(texts[0], /^How did the .* develop by month\?$/);
	assert.ok(!texts.some((t) => /salar|email/.test(t)), texts.join('\n'));
	await shot(page, 'talk-made');
	await page.getByRole('button', {name: texts[4]}).click();
	await last().locator('.actions').waitFor();
	assert.match(await last().locator('.text').innerText(), /rows/);
	await page.goto('/p/shop');
	assert.ok(!(await page.locator('.about table').isVisible()), 'folded for somebody who has asked before');
});

test('the title is the question without its end, and the list shows it at once', async () => {
	await page.goto('/p/shop');
	await asked('How did revenue develop month by month in 2025?');
	await until(async () => (await page.locator('[data-title]').innerText()) === 'How did revenue develop month by month in 2025', 'the title');
	assert.equal(await items().first().locator('.clip').innerText(), 'How did revenue develop month by month in 2025');
	assert.equal(await items().first().getAttribute('aria-current'), 'page');
});

test('after an answer there are three quiet questions to go on with', async () => {
	const next = last().locator('.next button');
	assert.equal(await next.count(), 3);
	assert.equal(await next.first().innerText(), 'Compare that with the year before');
	await shot(page, 'talk-next');
});

test('retry asks the same again beside it; the versions are walked', async () => {
	const first = await last().getAttribute('data-turn');
	await last().getByRole('button', {name: 'Retry'}).click();
	await until(async () => (await last().getAttribute('data-turn')) !== first && await last().locator('.actions').count(), 'the second answer');
	assert.equal(await page.locator('.turn').count(), 1);
	assert.equal(await last().locator('.versions span').innerText(), '2 of 2');
	assert.equal(await last().getByRole('button', {name: 'Next version'}).count(), 0);
	await last().getByRole('button', {name: 'Previous version'}).click();
	await page.waitForURL(`**?turn=${first}#turn-${first}`);
	assert.equal(await last().getAttribute('data-turn'), first);
	assert.equal(await last().locator('.versions span').innerText(), '1 of 2');
	await asked('show me all order items');
	assert.equal(await page.locator('.turn').count(), 2);
	await page.goto(page.url().split('?')[0]);
	assert.equal(await page.locator('.turn').count(), 2, 'the chosen branch is the one shown');
	assert.equal(await page.locator('.turn').first().getAttribute('data-turn'), first);
	await shot(page, 'talk-versions');
});

test('a question is edited in its place and sent as another version; Escape leaves it', async () => {
	const turn = page.locator('.turn').first();
	await turn.hover();
	await turn.getByRole('link', {name: 'Edit'}).click();
	const box = turn.locator('.edit textarea');
	assert.equal(await box.inputValue(), 'How did revenue develop month by month in 2025?');
	await page.keyboard.press('Escape');
	assert.equal(await turn.locator('.edit').count(), 0);
	assert.ok(await turn.locator('.question').isVisible());
	await turn.hover();
	await turn.getByRole('link', {name: 'Edit'}).click();
	await box.fill('What tables are there?');
	await shot(page, 'talk-edit');
	await page.keyboard.press('Enter');
	await until(async () => (await page.locator('.turn').count()) === 1 && await last().locator('.versions').count(), 'the third version');
	assert.equal(await last().locator('.versions span').innerText(), '3 of 3');
	assert.equal(await last().locator('.question p').innerText(), 'What tables are there?');
	await last().getByRole('button', {name: 'Previous version'}).click();
	await page.waitForURL('**#turn-*');
	assert.equal(await last().locator('.versions span').innerText(), '2 of 3');
	await last().getByRole('button', {name: 'Previous version'}).click();
	await page.waitForURL((url) => !url.href.includes('undefined'));
	await until(async () => (await page.locator('.turn').count()) === 2, 'the branch with two questions');
});

test('a link to an answer leads to it, on whatever branch it is', async () => {
	const chat = page.url().split('?')[0];
	const id = q.sql('quern', `SELECT max(id) FROM turns WHERE question = 'What tables are there?'`);
	const shown = await page.locator('.turn').first().getAttribute('data-turn');
	await page.locator('.turn').first().hover();
	await page.locator('.turn').first().getByRole('link', {name: 'Copy link'}).click();
	assert.ok((await page.evaluate(() => navigator.clipboard.readText())).endsWith(`?turn=${shown}#turn-${shown}`));
	await follow(`${chat}#turn-${id}`);
	await page.waitForURL(`**?turn=${id}#turn-${id}`);
	assert.equal(await last().getAttribute('data-turn'), id);
	await page.goto(chat);
	assert.equal(await page.locator('.turn').first().getAttribute('data-turn'), shown, 'looking does not choose');
});

test('a verdict with a reason is kept, changed and taken back; admins see it', async () => {
	const turn = page.locator('.turn').first();
	await turn.hover();
	await turn.getByRole('button', {name: 'Bad answer'}).click();
	const reason = turn.getByLabel('Reason');
	await reason.fill('July is <b>missing</b>');
	await shot(page, 'talk-reason');
	await page.keyboard.press('Enter');
	await turn.getByText('July is <b>missing</b>').waitFor();
	await page.reload();
	assert.equal(await turn.getByRole('button', {name: 'Bad answer'}).getAttribute('aria-pressed'), 'true');
	assert.equal(await turn.locator('[data-reason]').innerText(), 'July is <b>missing</b>');
	const admin = await open(browser, q);
	await signIn(admin, q, 'admin@example.com');
	await admin.getByRole('link', {name: 'Feedback'}).click();
	await admin.getByText('July is <b>missing</b>').waitFor();
	await admin.getByText('Answer', {exact: true}).click();
	assert.match(await admin.locator('.rules .text').innerText(), /Net revenue was/);
	await shot(admin, 'talk-feedback');
	await admin.getByRole('link', {name: 'Good'}).click();
	await admin.getByText('Nothing yet').waitFor();
	await turn.hover();
	await turn.getByRole('button', {name: 'Good answer'}).click();
	await turn.getByRole('button', {name: 'No reason'}).click();
	assert.equal(await turn.getByRole('button', {name: 'Bad answer'}).getAttribute('aria-pressed'), 'false');
	await admin.reload();
	await admin.locator('.chip.good', {hasText: 'good'}).first().waitFor();
	await turn.getByRole('button', {name: 'Good answer'}).click();
	await until(async () => (await turn.getByRole('button', {name: 'Good answer'}).getAttribute('aria-pressed')) === 'false', 'no verdict');
	await admin.goto('/p/shop/feedback');
	await admin.getByText('Nothing yet').waitFor();
	assert.deepEqual(admin.problems, []);
	await admin.context().close();
});

test('a query is saved with one click, named after the question', async () => {
	const card = page.locator('.turn').first().locator('[data-card]').last();
	await card.getByRole('button', {name: 'Save'}).click();
	await toast().getByText('Saved as “How did revenue develop month by month in 2025”.').waitFor();
	await toast().getByRole('button', {name: 'Open'}).click();
	await page.waitForURL('**/p/shop/queries/*');
	assert.match(await page.locator('main').textContent(), /monthly_revenue/i);
	await page.goBack();
});

test('the conversation leaves as Markdown, with its text as text', async () => {
	const waits = page.waitForEvent('download', {timeout: 10000});
	await page.locator('.chat-head [data-export]').click();
	const download = await waits;
	assert.equal(download.suggestedFilename(), 'how-did-revenue-develop-month-by-month-in-2025.md');
	const text = fs.readFileSync(await download.path(), 'utf8');
	assert.match(text, /^# How did revenue develop month by month in 2025\n/);
	assert.match(text, /\n```sql\nSELECT month, orders/);
	assert.match(text, /\n\| month \| orders \|/);
	assert.match(text, /the first 10 of them here/);
	assert.ok(!text.includes('What tables are there'), 'only the branch that is shown');
});

test('what answers and cells hold cannot become HTML, an image or a link in the file', async () => {
	const hostile = ['<img src=x onerror=alert(1)>', '- ```', '  ```', '<b>after a fence of a list</b>', '![p](https://evil.example/p.png) [l](javascript:alert(1))', 'x `a', '`<i>b</i>` c', '```sql', 'SELECT a < b, arr[1]', '<u>in code</u>'].join('\n');
	const chat = q.sql('quern', `WITH c AS (INSERT INTO conversations (project_id, user_id, title) SELECT p.id, u.id, '../a <b>*x* [y](z)' FROM projects p, users u WHERE p.slug = 'shop' AND u.email = 'analyst@example.com' RETURNING id)
		INSERT INTO turns (conversation_id, question, answer, status, finished_at, record) SELECT id, E'# <b>q</b>\n- [a](b)', $a$${hostile}$a$, 'done', now(),
			'{"queries":[{"run_id":1,"sql":"SELECT \`\`\`","ok":true,"rows":1,"ms":1,"preview":{"columns":[{"name":"a|b","type":"text","kind":"text"}],"rows":[["<s>|![x](y)"]],"truncated":false}}]}' FROM c RETURNING conversation_id`);
	const reply = await page.evaluate(async (id) => { const r = await fetch(`/p/shop/chat/${id}/export.md`); return [r.headers.get('Content-Disposition'), await r.text()]; }, chat);
	assert.equal(reply[0], 'attachment; filename="a-b-x-y-z.md"');
	const text = reply[1];
	const open = text.slice(0, text.indexOf('```sql\nSELECT a'));
	assert.doesNotMatch(open, /(?<!\\)<[a-z/]|(?<!\\)\[/i);
	assert.match(text, /SELECT a < b, arr\[1\]\n<u>in code<\/u>\n```\n/, 'code stays as it is, and is closed');
	assert.match(text, /\n````sql\nSELECT ```\n````\n/);
	assert.match(text, /\| \\<s\\>\\\|!\\\[x\\\]\(y\) \|/);
	q.sql('quern', `DELETE FROM conversations WHERE id = ${chat}`);
});

test('search finds what was said, marks it and leads there', async () => {
	await page.goto('/p/shop');
	await page.locator('[data-search]').fill('outag');
	const found = page.locator('.found a');
	await found.first().waitFor();
	assert.equal(await found.locator('mark').first().innerText(), 'outag');
	await shot(page, 'talk-search');
	await page.keyboard.press('ArrowDown');
	await page.keyboard.press('Enter');
	await page.waitForURL('**/chat/*?turn=*#turn-*');
	await page.locator('[data-search]').fill('no such words');
	await page.getByText('No conversation holds these words.').waitFor();
	await page.keyboard.press('Escape');
	await items().first().waitFor();
	assert.equal(await page.locator('[data-search]').inputValue(), '');
});

test('a row is pinned, renamed, deleted and brought back from the list', async () => {
	await page.goto('/p/shop');
	await asked('describe orders');
	await page.goto('/p/shop');
	const row = (text) => page.locator('[data-conversations] li', {hasText: text});
	const menu = async (text, what) => {
		await row(text).hover();
		await row(text).locator('[data-row-menu]').click();
		if (what === 'Pin') await shot(page, 'talk-menu');
		await page.getByRole('menuitem', {name: what}).click();
	};
	await menu('month by month', 'Pin');
	await page.locator('.day', {hasText: 'Pinned'}).waitFor();
	assert.match(await items().first().innerText(), /month by month/);
	await menu('month by month', 'Unpin');
	await page.locator('.day', {hasText: 'Pinned'}).waitFor({state: 'detached'});
	await menu('describe orders', 'Rename');
	await page.getByLabel('Title').fill('Orders & "more" <i>');
	await page.keyboard.press('Enter');
	await row('Orders & "more" <i>').waitFor();
	await menu('Orders & "more" <i>', 'Delete');
	await row('Orders & "more" <i>').waitFor({state: 'detached'});
	await toast().getByRole('button', {name: 'Undo'}).click();
	await page.locator('[data-title]', {hasText: 'Orders & "more" <i>'}).waitFor();
	await page.locator('.chat-head [data-pin]').click();
	await until(async () => (await page.locator('.chat-head [data-pin]').innerText()) === 'Unpin', 'the pin in the head');
	await page.locator('.chat-head [data-pin]').click();
	await until(async () => (await page.locator('.chat-head [data-pin]').innerText()) === 'Pin', 'no pin in the head');
	// By keyboard: the row's menu opens, walks and gives the focus back.
	await row('month by month').locator('[data-row-menu]').focus();
	await page.keyboard.press('Enter');
	await page.keyboard.press('ArrowDown');
	assert.equal(await page.evaluate(() => document.activeElement.textContent), 'Rename');
	await page.keyboard.press('Escape');
	assert.ok(await page.evaluate(() => document.activeElement.matches('[data-row-menu]')));
});

test('what runs in another tab shows its mark; what ended unseen is unread until somebody looks', async () => {
	const other = await page.context().newPage();
	await page.goto('/p/shop');
	await other.goto('/p/shop');
	await page.bringToFront();
	await other.locator('#question').fill('Tell me a long story about the shop slowly');
	await other.locator('[data-send]').click();
	await other.locator('.turn .step').first().waitFor({state: 'attached'});
	await page.locator('.dot.running').waitFor();
	await shot(page, 'talk-running');
	await other.close();
	const id = q.sql('quern', `SELECT max(id) FROM turns`);
	const done = await page.evaluate(async (turn) => (await fetch(`/turns/${turn}/stop`, {method: 'POST', headers: {'X-CSRF-Token': document.body.dataset.csrf}})).status, id);
	assert.equal(done, 204);
	await page.locator('.dot.unread').waitFor({timeout: 30000});
	await shot(page, 'talk-unread');
	await page.locator('a.unread').click();
	await page.locator('.turn').first().waitFor();
	await page.goto('/p/shop');
	await until(async () => (await page.locator('.dot').count()) === 0, 'no mark');
});

test('a long conversation opens at its end, and the rest comes into the page', async () => {
	const chat = q.sql('quern', `WITH c AS (INSERT INTO conversations (project_id, user_id, title) SELECT p.id, u.id, 'A long one' FROM projects p, users u WHERE p.slug = 'shop' AND u.email = 'analyst@example.com' RETURNING id),
		t AS (INSERT INTO turns (conversation_id, question, answer, status, finished_at) SELECT c.id, 'Question ' || n, 'Answer ' || n, 'done', now() FROM c, generate_series(1, 120) n RETURNING id, conversation_id)
		SELECT max(id) FROM c`);
	q.sql('quern', `UPDATE turns t SET parent_id = p.before FROM (SELECT id, lag(id) OVER (ORDER BY id) AS before FROM turns WHERE conversation_id = ${chat}) p WHERE p.id = t.id;
		UPDATE conversations SET leaf_id = (SELECT max(id) FROM turns WHERE conversation_id = ${chat}) WHERE id = ${chat}`);
	await page.goto(`/p/shop/chat/${chat}`);
	assert.equal(await page.locator('.turn').count(), 50);
	await page.getByRole('link', {name: 'Show earlier questions'}).click();
	await until(async () => (await page.locator('.turn').count()) === 100, 'fifty more');
	await page.getByRole('link', {name: 'Show earlier questions'}).click();
	await until(async () => (await page.locator('.turn').count()) === 120, 'all of them');
	assert.equal(await page.locator('.older').count(), 0);
	assert.equal(await page.locator('.turn').first().locator('.question p').innerText(), 'Question 1');
	const tenth = q.sql('quern', `SELECT id FROM turns WHERE conversation_id = ${chat} AND question = 'Question 10'`);
	await follow(`/p/shop/chat/${chat}#turn-${tenth}`);
	await page.waitForURL(`**?turn=${tenth}#turn-${tenth}`);
	await until(async () => page.locator(`#turn-${tenth}`).isVisible(), 'the tenth');
	const before = await page.locator('.turn').count();
	await page.getByRole('link', {name: 'Show later questions'}).click();
	await until(async () => (await page.locator('.turn').count()) > before, 'later ones');
	const numbers = (await page.locator('.turn .question p').allInnerTexts()).map((t) => Number(t.split(' ')[1]));
	assert.deepEqual(numbers, [...numbers].sort((a, b) => a - b));
	assert.equal(new Set(numbers).size, numbers.length);
});

test('without script versions, search, verdicts and editing work as pages', async () => {
	const plain = await open(browser, q, {script: false});
	await signIn(plain, q, 'viewer@example.com');
	await plain.locator('#question').fill('What tables are there?');
	await plain.locator('[data-send]').click();
	await plain.locator('.turn').waitFor();
	await plain.getByRole('button', {name: 'Retry'}).click();
	await plain.locator('.versions', {hasText: '2 of 2'}).waitFor();
	await plain.getByRole('button', {name: 'Previous version'}).click();
	await plain.locator('.versions', {hasText: '1 of 2'}).waitFor();
	await plain.getByRole('button', {name: 'Good answer'}).click();
	await plain.locator('[data-vote=good][aria-pressed=true]').waitFor();
	await plain.getByRole('link', {name: 'Edit'}).click();
	assert.equal(await plain.locator('#question').inputValue(), 'What tables are there?');
	await plain.locator('#question').fill('describe orders');
	await plain.locator('[data-send]').click();
	await plain.locator('.versions', {hasText: '3 of 3'}).waitFor();
	await plain.locator('[data-search]').fill('tables');
	await plain.keyboard.press('Enter');
	await plain.locator('.found mark').first().waitFor();
	assert.deepEqual(plain.problems, []);
	await plain.context().close();
});

test('on a phone and in the dark nothing is cut off or hard to read', async () => {
	const url = page.url();
	for (const dark of [false, true]) {
		const phone = await open(browser, q, {width: 390, height: 844, dark});
		await signIn(phone, q);
		await shot(phone, `talk-phone-welcome${dark ? '-dark' : ''}`);
		assert.ok(await fits(phone));
		assert.deepEqual(await lowContrast(phone), []);
		await phone.getByRole('button', {name: 'Menu'}).click();
		await phone.locator('[data-conversations] li', {hasText: 'month by month'}).locator('[data-row-menu]').click();
		await shot(phone, `talk-phone-menu${dark ? '-dark' : ''}`);
		await phone.getByRole('menuitem', {name: 'Pin'}).waitFor();
		await phone.keyboard.press('Escape');
		await phone.locator('[data-conversations] li a', {hasText: 'month by month'}).click();
		await phone.locator('.turn .versions').waitFor();
		await phone.locator('.turn').first().scrollIntoViewIfNeeded();
		await shot(phone, `talk-phone-answer${dark ? '-dark' : ''}`);
		assert.ok(await fits(phone));
		assert.deepEqual(await lowContrast(phone), []);
		await phone.context().close();
	}
	await page.goto(url);
});

test('no console errors and no blocked content in all of this', () => {
	assert.deepEqual(page.problems, []);
});

run({seconds: 120});
