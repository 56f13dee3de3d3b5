'use strict';
// FastCGI as it stands on the wire, to talk to a pool past nginx: well-formed requests and everything but.
const net = require('node:net');

function record(type, content, {version = 1, id = 1, padding = 0, length = content.length} = {}) {
	const head = Buffer.from([version, type, id >> 8, id & 255, (length >> 8) & 255, length & 255, padding, 0]);
	return Buffer.concat([head, content, Buffer.alloc(padding)]);
}

function size(n) {
	return n < 128 ? [n] : [0x80 | (n >>> 24), (n >> 16) & 255, (n >> 8) & 255, n & 255];
}

function params(object) {
	return Buffer.concat(Object.entries(object).map(([name, value]) => {
		const n = Buffer.from(name), v = Buffer.from(String(value));
		return Buffer.concat([Buffer.from([...size(n.length), ...size(v.length)]), n, v]);
	}));
}

// The records of a whole request, as a list.
function request(object, body = '') {
	const list = [record(1, Buffer.from([0, 1, 0, 0, 0, 0, 0, 0])), record(4, params(object)), record(4, Buffer.alloc(0))];
	if (body.length)
		list.push(record(5, Buffer.from(body)));
	return [...list, record(5, Buffer.alloc(0))];
}

// Sends bytes and hangs up; gives the text of the answer, '' when the pool closed without one.
function send(path, bytes, wait = 5000) {
	return new Promise((resolve, reject) => {
		const socket = net.connect(path), parts = [];
		const timer = setTimeout(() => { socket.destroy(); reject(new Error('the pool did not close')); }, wait);
		const done = () => { clearTimeout(timer); resolve(content(Buffer.concat(parts))); };
		socket.on('data', part => parts.push(part));
		socket.on('error', done);
		socket.on('close', done);
		socket.end(bytes);
	});
}

function content(bytes) {
	let text = '';
	while (bytes.length >= 8) {
		const n = bytes.readUInt16BE(4);
		if (bytes[1] === 6)
			text += bytes.subarray(8, 8 + n).toString();
		bytes = bytes.subarray(8 + n + bytes[6]);
	}
	return text;
}

// A generator of numbers that a seed repeats (mulberry32).
function numbers(seed) {
	return most => {
		seed = (seed + 0x6d2b79f5) | 0;
		let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
		t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
		return ((t ^ (t >>> 14)) >>> 0) % most;
	};
}

// A request whose records were damaged in one of the ways that break careless readers.
function garbage(object, random) {
	const list = request(object, 'a=1&b=2'), at = random(list.length), bytes = Buffer.concat(list);
	const ways = [
		() => bytes.subarray(0, random(bytes.length)),
		() => { bytes[random(bytes.length)] = random(256); return bytes; },
		() => { for (let i = 0; i < 8; i++) bytes[random(bytes.length)] = random(256); return bytes; },
		() => { list[at].writeUInt16BE(random(65536), 4); return Buffer.concat(list); },
		() => { list[at][random(8)] = random(256); return Buffer.concat(list); },
		() => Buffer.concat([...list.slice(0, at), list[at], ...list.slice(at)]),
		() => Buffer.concat(list.filter((_, i) => i !== at)),
		() => Buffer.concat(list.reverse()),
		() => Buffer.concat([list[0], record(4, Buffer.from(Array.from({length: random(200)}, () => random(256)))), ...list.slice(2)]),
		() => Buffer.from(Array.from({length: random(64)}, () => random(256))),
		// Questions that are answered from a small buffer, and a parameter of up to 4 GB.
		() => Buffer.concat([...list.slice(0, at), record(9, Buffer.from('\x0e\0FCGI_MAX_CONNS'.repeat(random(20))), {id: 0}), ...list.slice(at)]),
		() => Buffer.concat([list[0], record(4, Buffer.from([0x80 | random(128), 255, 255, random(256), 0x80 | random(128), 0, 0, 0, 97])), ...list.slice(2)]),
	];
	return ways[random(ways.length)]();
}

module.exports = {record, params, request, send, numbers, garbage};
