// What Linux says about the processes of an instance.
'use strict';

const fs = require('node:fs');

const read = (file) => { try { return fs.readFileSync(file, 'utf8'); } catch { return ''; } };

// [pid, ppid, command, ticks] of all processes.
function all() {
	return fs.readdirSync('/proc').filter((name) => /^\d+$/.test(name)).map((name) => {
		const text = read(`/proc/${name}/stat`), fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
		return {pid: Number(name), ppid: Number(fields[1]), ticks: Number(fields[11]) + Number(fields[12])};
	});
}

function below(pid, processes) {
	const children = processes.filter((p) => p.ppid === pid);
	return children.flatMap((p) => [p, ...below(p.pid, processes)]);
}

// Whether the process listens at the Unix socket of that path: a worker has only its own pool's open.
function listens(pid, socket) {
	const inodes = read('/proc/net/unix').split('\n').filter((line) => line.endsWith(` ${socket}`)).map((line) => line.trim().split(/\s+/)[6]);
	let fds = [];
	try { fds = fs.readdirSync(`/proc/${pid}/fd`); } catch { /* ended meanwhile */ }
	const open = fds.map((fd) => { try { return fs.readlinkSync(`/proc/${pid}/fd/${fd}`); } catch { return ''; } });
	return inodes.some((inode) => open.includes(`socket:[${inode}]`));
}

// The workers of an instance: [{pid, pool}].
function instanceProcesses(q) {
	const command = (pid) => read(`/proc/${pid}/cmdline`).split('\0');
	return below(q.child.pid, all()).filter((p) => command(p.pid)[1] === 'serve' && p.ppid !== q.child.pid)
		.map((p) => ({pid: p.pid, pool: listens(p.pid, q.env.QUERN_AGENT_SOCKET) ? 'agent' : 'web'}));
}

const pssKb = (pid) => Number(/^Pss:\s+(\d+)/m.exec(read(`/proc/${pid}/smaps_rollup`))[1]);

// CPU seconds so far of groups of processes with all that is below them, of the client, and of all others on this machine (which
// tell whether a measurement was disturbed). A group leaves out those of the groups before it.
function cpuSeconds(groups, client) {
	const processes = all(), counted = new Set(), used = {};
	const add = (name, pids) => {
		used[name] = 0;
		for (const pid of pids)
			for (const p of [processes.find((x) => x.pid === pid), ...below(pid, processes)])
				if (p && !counted.has(p.pid)) {
					counted.add(p.pid);
					used[name] += p.ticks / 100;
				}
	};
	for (const [name, pids] of Object.entries(groups)) add(name, pids);
	add('client', [client]);
	const [user, nice, system, , , irq, softirq] = read('/proc/stat').split('\n')[0].trim().split(/\s+/).slice(1).map(Number);
	used.others = (user + nice + system + irq + softirq) / 100 - Object.values(used).reduce((a, b) => a + b, 0);
	return used;
}

module.exports = {instanceProcesses, pssKb, cpuSeconds};
