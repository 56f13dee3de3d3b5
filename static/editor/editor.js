// The SQL editor: CodeMirror as one file that the SQL page loads. It lives in a shadow root, where its style sheets
// are constructed ones: the page's content security policy forbids <style> elements and needs no exception.
import { acceptCompletion, autocompletion, closeBrackets, closeBracketsKeymap, closeCompletion, completionKeymap, completionStatus } from "@codemirror/autocomplete";
import { defaultKeymap, history, historyKeymap, indentLess, indentMore } from "@codemirror/commands";
import { PostgreSQL, sql } from "@codemirror/lang-sql";
import { bracketMatching, HighlightStyle, indentOnInput, syntaxHighlighting } from "@codemirror/language";
import { highlightSelectionMatches, search, searchKeymap } from "@codemirror/search";
import { Compartment, EditorState, Prec, StateEffect, StateField } from "@codemirror/state";
import { Decoration, drawSelection, EditorView, highlightActiveLine, highlightActiveLineGutter, highlightSpecialChars, keymap, lineNumbers, placeholder } from "@codemirror/view";
import { tags } from "@lezer/highlight";

// Colours are the page's own custom properties, which reach into a shadow root: light and dark come with them.
const colours = HighlightStyle.define([
	{ tag: tags.keyword, color: "var(--sql-k)" },
	{ tag: [tags.operatorKeyword, tags.bool, tags.null], color: "var(--sql-k)" },
	{ tag: tags.string, color: "var(--sql-s)" },
	{ tag: tags.number, color: "var(--sql-n)" },
	{ tag: tags.comment, color: "var(--sql-c)", fontStyle: "italic" },
]);

const look = EditorView.theme({
	"&": { color: "var(--text)", backgroundColor: "var(--surface)", fontSize: "13px", borderRadius: "7px" },
	"&.cm-focused": { outline: "2px solid var(--accent)", outlineOffset: "1px" },
	".cm-scroller": { fontFamily: "var(--mono)", lineHeight: "1.55", minHeight: "164px", maxHeight: "46vh", overflow: "auto", borderRadius: "7px" },
	".cm-content": { padding: "8px 0", caretColor: "var(--text)" },
	".cm-cursor": { borderLeftColor: "var(--text)" },
	".cm-gutters": { backgroundColor: "var(--surface)", color: "var(--muted)", border: "0" },
	".cm-activeLine, .cm-activeLineGutter": { backgroundColor: "color-mix(in srgb, var(--raised) 60%, transparent)" },
	".cm-selectionBackground, &.cm-focused > .cm-scroller > .cm-selectionLayer .cm-selectionBackground": { backgroundColor: "color-mix(in srgb, var(--accent) 26%, transparent)" },
	".cm-selectionMatch": { backgroundColor: "var(--accent-soft)" },
	".cm-matchingBracket, &.cm-focused .cm-matchingBracket": { backgroundColor: "var(--accent-soft)", outline: "1px solid var(--line-strong)" },
	".cm-placeholder": { color: "var(--muted)" },
	".cm-wrong": { textDecoration: "underline wavy var(--danger) 1.5px", textUnderlineOffset: "3px", backgroundColor: "var(--danger-soft)" },
	".cm-tooltip": { backgroundColor: "var(--surface)", color: "var(--text)", border: "1px solid var(--line-strong)", borderRadius: "8px", overflow: "hidden" },
	".cm-tooltip.cm-tooltip-autocomplete > ul": { fontFamily: "var(--mono)", maxWidth: "min(520px, 90vw)" },
	".cm-tooltip.cm-tooltip-autocomplete > ul > li": { padding: "3px 10px" },
	".cm-tooltip-autocomplete ul li[aria-selected]": { backgroundColor: "var(--accent-soft)", color: "var(--text)" },
	".cm-completionDetail": { color: "var(--muted)", fontStyle: "normal", marginLeft: "12px" },
	".cm-completionMatchedText": { textDecoration: "none", fontWeight: "700" },
	".cm-panels": { backgroundColor: "var(--raised)", color: "var(--text)" },
	".cm-textfield": { backgroundColor: "var(--surface)", color: "var(--text)", border: "1px solid var(--line-strong)", borderRadius: "6px", fontSize: "13px" },
	".cm-button": { backgroundColor: "var(--surface)", backgroundImage: "none", color: "var(--text)", border: "1px solid var(--line-strong)", borderRadius: "6px", fontSize: "13px" },
	".cm-panel.cm-search [name=close]": { color: "var(--text)" },
});

/* Where the database or the guard found something wrong; it goes with the next change. */
const setWrong = StateEffect.define();
const wrong = StateField.define({
	create: () => Decoration.none,
	update(marks, transaction) {
		for (const effect of transaction.effects)
			if (effect.is(setWrong)) return effect.value ? Decoration.set([Decoration.mark({ class: "cm-wrong" }).range(...effect.value)]) : Decoration.none;
		return transaction.docChanged ? Decoration.none : marks;
	},
	provide: (field) => EditorView.decorations.from(field),
});

// Text typed over a selection goes in by our own hand: Chromium would keep the looks of what it replaces in a style
// attribute, which the policy forbids.
const typeOver = EditorView.domEventHandlers({
	beforeinput(event, view) {
		const { from, to, empty } = view.state.selection.main;
		if (event.inputType !== "insertText" || event.data === null || empty || event.isComposing || view.state.selection.ranges.length > 1) return false;
		const insert = () => view.state.update(view.state.replaceSelection(event.data), { userEvent: "input.type", scrollIntoView: true });
		event.preventDefault();
		if (!view.state.facet(EditorView.inputHandler).some((handle) => handle(view, from, to, event.data, insert))) view.dispatch(insert());
		return true;
	},
});

// What is still being looked up when the editor is left would open over the page.
const stopLooking = EditorView.domEventHandlers({ blur(event, view) { if (completionStatus(view.state) === "pending") closeCompletion(view); } });

const language = (schema) => sql({ dialect: PostgreSQL, upperCaseKeywords: true, ...schema });

/**
 * An editor in the element. options: text, label, hint (placeholder), onChange(text), onRun(), onLeave().
 * Returns {get, set, complete, mark, focus}: set(text) can be undone; complete({schema, defaultSchema}) sets what is
 * offered; mark(from, to) shows a wrong place, mark() none.
 */
export function create(parent, { text, label, hint, onChange, onRun, onLeave }) {
	const root = parent.attachShadow({ mode: "open" });
	const tongue = new Compartment();
	const run = (view) => { closeCompletion(view); onRun(); return true; };
	const view = new EditorView({
		parent: root,
		root,
		state: EditorState.create({
			doc: text,
			extensions: [
				Prec.highest(keymap.of([{ key: "Mod-Enter", run }])),
				keymap.of([{ key: "Tab", run: acceptCompletion }, { key: "Tab", run: indentMore, shift: indentLess },
					...closeBracketsKeymap, ...defaultKeymap, ...searchKeymap, ...historyKeymap, ...completionKeymap]),
				Prec.lowest(keymap.of([{ key: "Escape", run: () => { onLeave(); return true; } }])),
				lineNumbers(), highlightSpecialChars(), history(), drawSelection(), indentOnInput(), bracketMatching(), closeBrackets(),
				autocompletion({ icons: false }), highlightActiveLine(), highlightActiveLineGutter(), highlightSelectionMatches(), search({ top: true }),
				EditorView.lineWrapping, placeholder(hint), tongue.of(language({})), syntaxHighlighting(colours), look, wrong, typeOver, stopLooking,
				EditorView.contentAttributes.of({ "aria-label": label, autocapitalize: "off", spellcheck: "false" }),
				EditorView.updateListener.of((update) => { if (update.docChanged) onChange(update.state.doc.toString()); }),
			],
		}),
	});
	return {
		get: () => view.state.doc.toString(),
		set: (next) => view.dispatch({ changes: { from: 0, to: view.state.doc.length, insert: next }, selection: { anchor: 0 }, scrollIntoView: true }),
		complete: (schema) => view.dispatch({ effects: tongue.reconfigure(language(schema)) }),
		mark(from, to) {
			const end = view.state.doc.length;
			const range = from === undefined || !end ? null : [Math.min(from, end - 1), Math.min(Math.max(to, from + 1), end)];
			view.dispatch({ effects: range ? [setWrong.of(range), EditorView.scrollIntoView(range[0])] : setWrong.of(null), selection: range ? { anchor: range[0] } : undefined });
		},
		focus: () => view.focus(),
	};
}
