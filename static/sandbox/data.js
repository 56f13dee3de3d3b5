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

const MOST_PARTS = 60;

// The rows of "<name>.<column>" and where in them the column is, or undefined where there is none. of: {path, value}: of the same
// table only the rows with that value.
function find(path, of) {
	const [, name, wanted] = /^([^.]+)\.(.+)$/s.exec(path) ?? [];
	const table = Object.hasOwn(self.data, name ?? "") ? self.data[name] : undefined;
	const i = isTable(table) ? table.columns.findIndex((c) => c.name === wanted) : -1;
	if (i < 0) return undefined;
	const by = of && of.path.startsWith(`${name}.`) ? find(of.path).i : -1;
	return { i, isNumber: numeric(table.columns[i]), rows: by < 0 ? table.rows : table.rows.filter((row) => row[by] === of.value) };
}

/** The values of "<name>.<column>", or undefined where there is no such column. */
export function column(path, of) {
	const found = find(path, of);
	return found?.rows.map((row) => cell(row[found.i], found.isNumber));
}

const missing = (path) => new Error(`the data has no "${path}"; there is: ${paths().join(", ") || "nothing"}`);

function forEachValue({ $each: path, ...part }) {
	const found = find(path);
	if (!found) throw missing(path);
	const values = [...new Set(found.rows.map((row) => row[found.i]))];
	if (values.length > MOST_PARTS) throw new Error(`"${path}" has ${values.length} different values; a figure has room for ${MOST_PARTS}`);
	return values.map((value) => fill(part, { path, value }));
}

/**
 * A figure with its references filled in: {"$data": "sales.month"} anywhere in it becomes the list of values of that column, and
 * {"$data": "sales"} the records of that table. In a list {"$each": "sales.country", ...} becomes one such part for each value of that
 * column, in the order in which they come: in it references to columns of the table give its rows only, and {"$value": true} is the
 * value. One that leads nowhere is an error that names it.
 */
export function fill(value, of) {
	if (Array.isArray(value)) return value.flatMap((part) => (typeof part?.$each === "string" ? forEachValue(part) : [fill(part, of)]));
	if (!value || typeof value !== "object") return value;
	if (value.$value === true && of) return String(of.value ?? "–");
	if (typeof value.$data !== "string") return Object.fromEntries(Object.entries(value).map(([key, part]) => [key, fill(part, of)]));
	const table = Object.hasOwn(self.data, value.$data) ? self.data[value.$data] : undefined;
	const found = table?.records ?? table ?? column(value.$data, of);
	if (found === undefined) throw missing(value.$data);
	return found;
}

const paths = () => Object.entries(self.data).flatMap(([name, table]) => (isTable(table) ? table.columns.map((c) => `${name}.${c.name}`) : [name])).slice(0, 30);
