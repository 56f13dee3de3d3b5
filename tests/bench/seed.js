// A conversation as people have it, made the same way each time: questions, answers in Markdown, and for half of them a
// query with a preview of its rows, in the form in which the agent records a turn.
'use strict';

const TURNS = 25;                    // a question and an answer each: 50 messages
const MONTHS = ['January', 'February', 'March', 'April', 'May', 'June', 'July', 'August', 'September', 'October'];

const sql = `SELECT date_trunc('month', o.created_at)::date AS month, c.region, count(*) AS orders,
       sum(o.total) AS revenue, round(avg(o.total), 2) AS average
FROM orders o
JOIN customers c ON c.id = o.customer_id
WHERE o.status NOT IN ('cancelled', 'pending') AND o.created_at >= DATE '2025-01-01'
GROUP BY 1, 2
ORDER BY 1, 2`;

function answer(i, table) {
	const month = MONTHS[i % MONTHS.length];
	return `Revenue in **${month}** came to **${(182000 + i * 731).toLocaleString('en')} €**, ${3 + i % 5}% above the month before.\n\n` +
		`- *Electronics* led with ${41 + i % 4}% of it, followed by *Home* and *Toys*.\n` +
		`- Orders rose in every region but the **north**, where they fell by ${1 + i % 3}%.\n` +
		`- The average order was ${(61.5 + i / 10).toFixed(2)} €; it has hardly changed since \`${month}\`.\n\n` +
		(table ? 'The table below has the figures by month and region. ' : 'No query was needed beyond the one above. ') +
		'Cancelled orders and those that await payment are left out, as the project defines revenue. ' +
		'Refunds are counted in the month of the order, so that the most recent months may still change a little.\n';
}

function preview(i) {
	const columns = [['month', 'date', 'date'], ['region', 'text', 'text'], ['orders', 'bigint', 'number'],
		['revenue', 'numeric', 'number'], ['average', 'numeric', 'number']];
	const rows = Array.from({length: 10}, (_, r) => [`2025-${String(1 + r).padStart(2, '0')}-01`, ['north', 'south', 'east', 'west'][r % 4],
		700 + (i * 37 + r * 91) % 400, 40000.5 + (i * 977 + r * 1311) % 9000, 61.25 + r / 10]);
	return {columns: columns.map(([name, type, kind]) => ({name, type, kind})), rows, truncated: true, cut: null};
}

function record(i, table, run) {
	const step = (n, name, label, detail, ms) => ({n, name, label, state: 'done', detail, ms});
	const steps = [step(1, 'model', 'Thinking', null, 820)];
	if (table) steps.push(step(2, 'tool', 'Running a query', '48 rows', 21), step(3, 'model', 'Thinking', null, 1240));
	return {steps, queries: table ? [{run_id: run, sql, sql_run: sql.replace('FROM orders o', 'FROM shop.orders o')
		.replace('JOIN customers c', 'JOIN shop.customers c') + '\nLIMIT 501', ok: true, error: null, rows: 48, ms: 21,
	truncated: false, cut: null, preview: preview(i)}] : [], tables: table ? ['shop.customers', 'shop.orders'] : [], from_catalog: false};
}

function turns() {
	return Array.from({length: TURNS}, (_, i) => {
		const table = i % 2 === 0;
		return {question: `How did revenue develop in ${MONTHS[i % MONTHS.length]} compared with the month before, and what drove it?`,
			answer: answer(i, table), record: record(i, table, i + 1)};
	});
}

const quote = (text) => `'${String(text).replace(/'/g, "''")}'`;

// SQL that puts the conversation into the platform database, with forty others for the list beside it; says its id.
function statements(email) {
	const mine = `FROM projects p, users u WHERE p.slug = 'shop' AND u.email = ${quote(email)}`;
	const rows = turns().map((t) => `(${quote(t.question)}, ${quote(t.answer)}, ${quote(JSON.stringify(t.record))}::jsonb)`);
	return `
		INSERT INTO conversations (project_id, user_id, title)
			SELECT p.id, u.id, 'Margins of product group ' || n ${mine.replace('WHERE', ', generate_series(1, 40) n WHERE')};
		CREATE TEMP TABLE chat AS WITH c AS (INSERT INTO conversations (project_id, user_id, title)
			SELECT p.id, u.id, 'Revenue month by month' ${mine} RETURNING id) SELECT id FROM c;
		INSERT INTO turns (conversation_id, question, answer, record, status, model, input_tokens, output_tokens, started_at, finished_at)
			SELECT chat.id, v.*, 'done', 'scripted', 2100, 310, now() - interval '2 s', now() FROM chat, (VALUES ${rows.join(',\n')}) v;
		UPDATE turns t SET parent_id = b.before FROM (SELECT t.id, lag(t.id) OVER (ORDER BY t.id) AS before FROM turns t
			JOIN chat ON chat.id = t.conversation_id) b WHERE b.id = t.id;
		UPDATE conversations SET leaf_id = (SELECT max(id) FROM turns WHERE conversation_id = conversations.id) FROM chat
			WHERE conversations.id = chat.id;
		INSERT INTO turn_events (turn_id, seq, kind, body) SELECT t.id, n, 'step', '{}' FROM turns t JOIN chat ON chat.id = t.conversation_id,
			generate_series(1, 9) n;
		ANALYZE;
		SELECT id FROM chat;`;
}

module.exports = {turns, statements};
