// The data as the code finds it: data.<name> = {columns: [{name, type, kind}], rows: [[...]], row_count, truncated, at, caveats,
// records: [{<column>: value}]}. Numbers come as text where a double would lose digits; in records they are numbers.
// A member that came with the code is as it was given. A source that this person may not read is {error: {message, hint}, columns: [],
// rows: [], records: []}, so that code which loops over it shows nothing rather than failing.
const isTable = (value) => value && typeof value === "object" && Array.isArray(value.columns) && Array.isArray(value.rows);

const numeric = (column) => column.kind === "number";
const cell = (value, isNumber) => (isNumber && typeof value === "string" && value !== "" && Number.isFinite(Number(value)) ? Number(value) : value);

function withRecords(table) {
	const names = table.columns.map((c) => c.name), numbers = table.columns.map(numeric);
	let records;
	return Object.defineProperty({ ...table }, "records", {
		enumerable: true,
		get: () => (records ??= table.rows.map((row) => Object.fromEntries(names.map((name, i) => [name, cell(row[i], numbers[i])])))),
	});
}

export function giveData(given) {
	const data = {};
	for (const [name, value] of Object.entries(given ?? {})) {
		if (isTable(value)) data[name] = withRecords(value);
		else if (value?.error && typeof value.error === "object") data[name] = { ...value, columns: [], rows: [], row_count: 0, records: [] };
		else data[name] = value;
	}
	self.data = data;
}

/** The values of "<name>.<column>", or undefined where there is no such column. */
export function column(path) {
	const [, name, wanted] = /^([^.]+)\.(.+)$/s.exec(path) ?? [];
	const table = Object.hasOwn(self.data, name ?? "") ? self.data[name] : undefined;
	const i = isTable(table) ? table.columns.findIndex((c) => c.name === wanted) : -1;
	return i < 0 ? undefined : table.rows.map((row) => cell(row[i], numeric(table.columns[i])));
}

/**
 * A figure with its references filled in: {"$data": "sales.month"} anywhere in it becomes the list of values of that column, and
 * {"$data": "sales"} the records of that table. One that leads nowhere is an error that names it.
 */
export function fill(value) {
	if (Array.isArray(value)) return value.map(fill);
	if (!value || typeof value !== "object") return value;
	if (typeof value.$data !== "string") return Object.fromEntries(Object.entries(value).map(([key, part]) => [key, fill(part)]));
	const table = Object.hasOwn(self.data, value.$data) ? self.data[value.$data] : undefined;
	const found = table?.records ?? table ?? column(value.$data);
	if (found === undefined) throw new Error(`the data has no "${value.$data}"; there is: ${paths().join(", ") || "nothing"}`);
	return found;
}

const paths = () => Object.entries(self.data).flatMap(([name, table]) => (isTable(table) ? table.columns.map((c) => `${name}.${c.name}`) : [name])).slice(0, 30);
