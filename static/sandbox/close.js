// Ways out that no Content-Security-Policy covers: what makes connections without asking it is taken away before the
// artifact's code runs. A frame inside this one has all of it again, but no way to run code there (templates/sandbox.mustache).
const GONE = ["RTCPeerConnection", "webkitRTCPeerConnection", "RTCDataChannel", "RTCIceTransport", "RTCSessionDescription", "WebTransport",
	"WebSocket", "WebSocketStream", "EventSource", "XSLTProcessor", "PresentationRequest", "PaymentRequest", "Notification", "fetchLater",
	"Worker", "SharedWorker", "SharedWorkletGlobalScope", "BroadcastChannel", "open", "alert", "confirm", "prompt", "print"];

export function closeChannels() {
	for (const name of GONE) {
		if (!(name in self)) continue;
		Object.defineProperty(self, name, { value: undefined, configurable: false, writable: false });
	}
}
