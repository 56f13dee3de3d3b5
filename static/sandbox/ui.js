// Plain stand-ins for the shadcn/ui components that models import from "@/components/ui/...": the same names, Tailwind's classes.
const BOX = "rounded-lg border border-slate-200 bg-white text-slate-900 shadow-sm dark:border-slate-700 dark:bg-slate-900 dark:text-slate-100";
const FIELD = "w-full rounded-md border border-slate-300 bg-transparent px-3 py-2 text-sm disabled:opacity-50 dark:border-slate-600";

// Name: element, classes, fixed properties.
const PLAIN = {
	Card: ["div", BOX], CardHeader: ["div", "flex flex-col gap-1.5 p-6"], CardTitle: ["h3", "text-xl font-semibold leading-none"],
	CardDescription: ["p", "text-sm text-slate-500"], CardContent: ["div", "p-6 pt-0"], CardFooter: ["div", "flex items-center p-6 pt-0"],
	Label: ["label", "text-sm font-medium leading-none"], Input: ["input", FIELD], Textarea: ["textarea", FIELD],
	Alert: ["div", "relative w-full rounded-lg border border-slate-300 p-4 dark:border-slate-600", { role: "alert" }],
	AlertTitle: ["h5", "mb-1 font-medium leading-none"], AlertDescription: ["div", "text-sm"],
	ScrollArea: ["div", "overflow-auto"], ScrollBar: ["span", "hidden"], Separator: ["hr", "my-2 border-slate-200 dark:border-slate-700"], Skeleton: ["div", "animate-pulse rounded-md bg-slate-200"],
	Table: ["table", "w-full text-sm"], TableHeader: ["thead", ""], TableBody: ["tbody", ""], TableFooter: ["tfoot", ""], TableRow: ["tr", "border-b border-slate-200 dark:border-slate-700"],
	TableHead: ["th", "h-10 px-3 text-left font-medium text-slate-500"], TableCell: ["td", "p-3"], TableCaption: ["caption", "mt-4 text-sm text-slate-500"],
	Avatar: ["span", "relative flex h-10 w-10 shrink-0 overflow-hidden rounded-full"], AvatarFallback: ["span", "flex h-full w-full items-center justify-center rounded-full bg-slate-200"], AvatarImage: ["span", "hidden"],
	DialogHeader: ["div", "flex flex-col gap-1.5"], DialogFooter: ["div", "flex justify-end gap-2"], DialogTitle: ["h2", "text-lg font-semibold"], DialogDescription: ["p", "text-sm text-slate-500"],
	SelectGroup: ["optgroup", ""], TooltipProvider: ["div", "contents"], TooltipTrigger: ["span", ""], TooltipContent: ["span", "hidden"],
};
const BUTTONS = {
	default: "bg-slate-900 text-white hover:bg-slate-700 dark:bg-slate-100 dark:text-slate-900", destructive: "bg-red-600 text-white hover:bg-red-500",
	outline: "border border-slate-300 hover:bg-slate-100 dark:border-slate-600 dark:hover:bg-slate-800", secondary: "bg-slate-100 text-slate-900 hover:bg-slate-200",
	ghost: "hover:bg-slate-100 dark:hover:bg-slate-800", link: "underline underline-offset-4",
};
const SIZES = { default: "h-10 px-4 py-2", sm: "h-9 px-3", lg: "h-11 px-8", icon: "h-10 w-10" };
const FORM_ONLY = ["asChild", "variant", "size", "onValueChange", "onCheckedChange", "onOpenChange", "defaultValue", "delayDuration", "align", "side", "sideOffset"];

let made;
/** All of them, made when React is there. */
export function ui() {
	return (made ??= make(self.React));
}

function make(React) {
	const { createElement: h, useContext, useState } = React;
	const props = (given, classes) => {
		const kept = Object.fromEntries(Object.entries(given).filter(([name]) => !FORM_ONLY.includes(name)));
		return { ...kept, className: `${classes} ${given.className ?? ""}`.trim() };
	};
	const plain = ([tag, classes, fixed]) => (given) => h(tag, { ...fixed, ...props(given, classes), ...(["input", "textarea"].includes(tag) && "defaultValue" in given ? { defaultValue: given.defaultValue } : {}) });

	// A value that is the caller's or our own, told to everything inside.
	const Inside = React.createContext({});
	function Holder({ value, defaultValue, onValueChange, open, defaultOpen, onOpenChange, tag = "div", children, className }) {
		const [own, setOwn] = useState(defaultValue), [ownOpen, setOwnOpen] = useState(Boolean(defaultOpen));
		const state = { value: value ?? own, choose: (next) => { setOwn(next); onValueChange?.(next); },
			open: open ?? ownOpen, show: (next) => { setOwnOpen(next); onOpenChange?.(next); } };
		return h(Inside.Provider, { value: state }, h(tag, { className }, children));
	}
	const opener = (given) => {
		const state = useContext(Inside);
		const click = (event) => { given.onClick?.(event); state.show?.(!state.open); };
		return given.asChild && React.isValidElement(given.children) ? React.cloneElement(given.children, { onClick: click }) : h("button", { ...props(given, ""), type: "button", onClick: click });
	};
	const shownWhenOpen = (classes, layer) => (given) => {
		const state = useContext(Inside);
		if (!state.open) return null;
		const box = h("div", props(given, `${BOX} ${classes}`));
		return layer ? h("div", { className: "fixed inset-0 z-50 flex items-center justify-center bg-black/50", onClick: (event) => { if (event.target === event.currentTarget) state.show(false); } }, box) : box;
	};

	// The options of a select, wherever they stand inside it.
	const options = (children) => React.Children.toArray(children).flatMap((child) => {
		if (!React.isValidElement(child)) return [];
		if (child.type === SelectItem) return [h("option", { key: child.props.value, value: child.props.value }, child.props.children)];
		return options(child.props.children);
	});
	const SelectItem = () => null;
	function Select({ value, defaultValue, onValueChange, children, disabled }) {
		const [own, setOwn] = useState(defaultValue ?? "");
		const list = options(children), now = value ?? own;
		const none = list.some((o) => o.props.value === now) ? [] : [h("option", { key: "", value: now }, "…")];
		return h("select", { className: FIELD, disabled, value: now, onChange: (event) => { setOwn(event.target.value); onValueChange?.(event.target.value); } }, none, list);
	}

	const checkbox = (role) => ({ checked, defaultChecked, onCheckedChange, id, className, disabled }) =>
		h("input", { type: "checkbox", role, id, className, disabled, checked, defaultChecked, onChange: (event) => onCheckedChange?.(event.target.checked) });

	const special = {
		Button: (given) => h("button", { type: "button", ...props(given, `inline-flex items-center justify-center gap-2 rounded-md text-sm font-medium disabled:opacity-50 ${BUTTONS[given.variant ?? "default"] ?? ""} ${SIZES[given.size ?? "default"] ?? ""}`) }),
		Badge: (given) => h("span", props(given, `inline-flex items-center rounded-full px-2.5 py-0.5 text-xs font-semibold ${BUTTONS[given.variant ?? "default"] ?? ""}`)),
		Tabs: Holder,
		TabsList: plain(["div", "inline-flex items-center gap-1 rounded-md bg-slate-100 p-1 dark:bg-slate-800", { role: "tablist" }]),
		TabsTrigger: (given) => {
			const state = useContext(Inside), on = state.value === given.value;
			return h("button", { type: "button", role: "tab", "aria-selected": on, ...props(given, `rounded px-3 py-1.5 text-sm font-medium ${on ? "bg-white shadow-sm dark:bg-slate-950" : "opacity-70"}`), onClick: () => state.choose(given.value) });
		},
		TabsContent: (given) => (useContext(Inside).value === given.value ? h("div", props(given, "mt-2")) : null),
		Accordion: Holder, AccordionItem: Holder, AccordionTrigger: opener, AccordionContent: shownWhenOpen("p-3"),
		Collapsible: Holder, CollapsibleTrigger: opener, CollapsibleContent: shownWhenOpen("p-3"),
		Dialog: Holder, DialogTrigger: opener, DialogClose: opener, DialogContent: shownWhenOpen("grid max-h-[90vh] w-full max-w-lg gap-4 overflow-auto p-6", true),
		Popover: Holder, PopoverTrigger: opener, PopoverContent: shownWhenOpen("absolute z-50 mt-1 w-72 p-4"),
		DropdownMenu: Holder, DropdownMenuTrigger: opener, DropdownMenuContent: shownWhenOpen("absolute z-50 mt-1 min-w-32 p-1"),
		Tooltip: (given) => h("span", { className: "contents" }, given.children),
		Select, SelectItem, SelectTrigger: () => null, SelectContent: () => null, SelectValue: () => null, SelectLabel: () => null,
		Switch: checkbox("switch"), Checkbox: checkbox(undefined),
		Slider: ({ value, defaultValue, onValueChange, min = 0, max = 100, step = 1, className, id }) =>
			h("input", { type: "range", id, min, max, step, className: `w-full ${className ?? ""}`, ...(value ? { value: value[0] } : { defaultValue: defaultValue?.[0] }), onChange: (event) => onValueChange?.([Number(event.target.value)]) }),
		Progress: ({ value = 0, className }) => h("progress", { value, max: 100, className: `w-full ${className ?? ""}` }),
	};
	const all = { ...Object.fromEntries(Object.entries(PLAIN).map(([name, row]) => [name, plain(row)])), ...special, __esModule: true };
	const other = plain(["div", ""]);
	return new Proxy(all, { get: (target, name) => target[name] ?? (typeof name === "string" && /^[A-Z]/.test(name) ? other : undefined), has: () => true });
}
