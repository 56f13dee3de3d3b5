// Chromium for tests: a page whose console errors, failed requests and dialogs are collected, and screenshots where QUERN_SHOTS says.
'use strict';

const fs = require('node:fs');
const path = require('node:path');
const {chromium} = require('playwright-core');

// args: more options of the browser.
async function launch(args = []) {
	return chromium.launch({executablePath: process.env.CHROMIUM || '/usr/bin/chromium', args: ['--no-sandbox', '--disable-gpu',
		'--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync', ...args]});
}

// A browser as a person has it, with a profile under dir and nothing switched off that looks names up or connects ahead. Everything
// that it does on the network goes to dir/net.json. Resolves to {context, page}.
async function launchLogged(q, dir) {
	const context = await chromium.launchPersistentContext(path.join(dir, 'profile'), {executablePath: process.env.CHROMIUM || '/usr/bin/chromium', ignoreHTTPSErrors: true, baseURL: q.url,
		acceptDownloads: true, ignoreDefaultArgs: ['--disable-background-networking', '--disable-field-trial-config', '--disable-component-update'],
		args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-sync', `--log-net-log=${path.join(dir, 'net.json')}`, '--net-log-capture-mode=Everything']});
	return {context, page: context.pages()[0] ?? await context.newPage()};
}

// options: width, height, dark, script (false switches JavaScript off), zone (of the browser).
async function open(browser, q, {width = 1440, height = 900, dark = false, script = true, zone} = {}) {
	const context = await browser.newContext({ignoreHTTPSErrors: true, viewport: {width, height}, baseURL: q.url, javaScriptEnabled: script,
		timezoneId: zone, colorScheme: dark ? 'dark' : 'light', permissions: ['clipboard-read', 'clipboard-write']});
	const page = await context.newPage();
	page.problems = [];
	// Chromium says which parts of a policy it does not know: "webrtc" is there for those that do.
	page.on('console', (m) => { if (m.type() === 'error' && !/^Unrecognized Content-Security-Policy directive 'webrtc'/.test(m.text())) page.problems.push(m.text()); });
	page.on('pageerror', (e) => page.problems.push(String(e)));
	page.on('dialog', (d) => { page.problems.push(`dialog: ${d.message()}`); d.dismiss(); });
	return page;
}

async function signIn(page, q, email = 'analyst@example.com') {
	await page.goto('/p/shop');
	await page.getByLabel('E-mail').fill(email);
	await page.getByLabel('Password').fill(q.env.QUERN_DEMO_PASSWORD);
	await page.getByRole('button', {name: 'Sign in'}).click();
	await page.waitForURL('**/p/shop');
}

// Asks in the chat and waits for the finished answer.
async function ask(page, question) {
	await page.waitForFunction(() => document.querySelector('#question').style.height); // chat.js is there
	await page.locator('#question').fill(question);
	await page.keyboard.press('Enter');
	await page.locator('.turn').last().locator('.actions').waitFor({timeout: 60000});
	return page.locator('.turn').last();
}

async function shot(page, name) {
	if (!process.env.QUERN_SHOTS) return;
	fs.mkdirSync(process.env.QUERN_SHOTS, {recursive: true});
	await page.screenshot({path: path.join(process.env.QUERN_SHOTS, `${name}.png`)});
}

// True when nothing makes the page wider than its window.
const fits = (page) => page.evaluate(() => document.documentElement.scrollWidth <= window.innerWidth + 1);

// Text elements whose contrast with their background is under 4.5 : 1.
const lowContrast = (page) => page.evaluate(() => {
	const parse = (c) => { const m = c.match(/[\d.]+/g).map(Number); return {rgb: c.startsWith('color(') ? m.slice(0, 3).map((v) => v * 255) : m.slice(0, 3), a: m[3] ?? 1}; };
	const light = (rgb) => { const [r, g, b] = rgb.map((v) => { v /= 255; return v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4; }); return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
	const back = (node) => { for (; node; node = node.parentElement) { const c = parse(getComputedStyle(node).backgroundColor); if (c.a === 1) return c.rgb; } return [255, 255, 255]; };
	const found = new Set();
	for (const change of document.getAnimations()) if (change instanceof CSSTransition) change.finish();
	for (const node of document.querySelectorAll('body *')) {
		if (![...node.childNodes].some((c) => c.nodeType === 3 && c.textContent.trim()) || !node.checkVisibility({opacityProperty: true, visibilityProperty: true})) continue;
		if (node.closest('td.null, button:disabled')) continue;
		const a = light(parse(getComputedStyle(node).color).rgb), b = light(back(node));
		const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
		if (ratio < 4.5) found.add(`${node.tagName}.${node.className} "${node.textContent.trim().slice(0, 30)}" ${ratio.toFixed(2)}`);
	}
	return [...found];
});

module.exports = {launch, launchLogged, open, signIn, ask, shot, fits, lowContrast};
