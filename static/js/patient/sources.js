// Where frames come from: webcam or a file of the person; the built-in scene is in scene_source.js. One interface:
//   {kind, detail, maxFps, grab(): Promise<{bytes, w, h, tCap}|null>, lost: string|null, close()}
// grab() gives null while there is no newer picture: an old one is never sent again as if it were new.
import { FrameEncoder } from "./frame_encoder.js";
import { show, SourceError } from "./source_parts.js";

const STILL_FPS = 2; // a still picture says nothing new: often enough to stay "seeing"

const CAMERA_PROBLEMS = {
  NotAllowedError: ["The camera is not allowed", "Allow the camera for this page: press the camera or lock sign beside the address, choose Allow, then press Start again."],
  NotFoundError: ["There is no camera", "Connect a camera, or choose a file or a built-in scene in “Look with”. Then press Start again."],
  NotReadableError: ["The camera is in use", "Another program uses the camera. Close it, then press Start again."],
  OverconstrainedError: ["This camera does not fit", "Choose another camera, or a file or a built-in scene in “Look with”."],
};
CAMERA_PROBLEMS.SecurityError = CAMERA_PROBLEMS.NotAllowedError;

function cameraError(cause) {
  const [title, message] = CAMERA_PROBLEMS[cause?.name]
    ?? ["The camera did not start", `The browser says: ${cause?.message || cause?.name || "unknown"}. Check the camera, then press Start again.`];
  return new SourceError(title, message);
}

/** Frames of a playing <video>: webcam or file. */
class VideoSource {
  constructor(kind, detail, video, encoder, release) {
    Object.assign(this, { kind, detail, video, encoder, release, maxFps: undefined, lost: null, fresh: true, closed: false });
    this.#watchFrames();
  }

  /** Marks `fresh` at every frame the browser presents, so that a frozen camera is noticed. */
  #watchFrames() {
    if (!this.video.requestVideoFrameCallback) {
      this.video.ontimeupdate = () => { this.fresh = true; };
      return;
    }
    const again = () => {
      if (this.closed) return;
      this.fresh = true;
      this.video.requestVideoFrameCallback(again);
    };
    this.video.requestVideoFrameCallback(again);
  }

  async grab() {
    if (!this.fresh || this.lost || this.video.readyState < 2) return null;
    this.fresh = false;
    const tCap = performance.now();
    const frame = await this.encoder.encode(this.video, this.video.videoWidth, this.video.videoHeight);
    return { ...frame, tCap };
  }

  close() {
    if (this.closed) return;
    this.closed = true;
    this.video.ontimeupdate = null;
    this.video.pause();
    this.release();
    this.video.hidden = true;
  }
}

/** A single picture, encoded once. */
class StillSource {
  constructor(detail, frame, canvas) {
    Object.assign(this, { kind: "upload", detail, frame, canvas, maxFps: STILL_FPS, lost: null });
  }

  async grab() {
    return { ...this.frame, tCap: performance.now() };
  }

  close() {
    this.canvas.hidden = true;
  }
}

/** @param {{video: HTMLVideoElement, limits: object, onLost: (what: string) => void}} parts */
export async function openWebcam({ video, limits, onLost }) {
  if (!navigator.mediaDevices?.getUserMedia) {
    throw new SourceError("The camera cannot be used here",
      "Browsers give the camera only to pages with a secure address (https) or on this computer itself. Ask whoever runs MaxSight for its https address.");
  }
  let stream;
  try {
    stream = await navigator.mediaDevices.getUserMedia({
      audio: false,
      video: { facingMode: { ideal: "environment" }, width: { ideal: 640 }, height: { ideal: 480 }, frameRate: { ideal: 30 } },
    });
  } catch (cause) {
    throw cameraError(cause);
  }
  const [track] = stream.getVideoTracks();
  video.srcObject = stream;
  video.loop = false;
  await video.play().catch((cause) => { stopTracks(stream); throw cameraError(cause); });
  video.hidden = false;
  const source = new VideoSource("webcam", track.label || "camera", video, new FrameEncoder(limits), () => {
    stopTracks(stream);
    video.srcObject = null;
  });
  track.addEventListener("ended", () => {
    source.lost = "camera lost";
    if (!source.closed) onLost(source.lost);
  });
  return source;
}

function stopTracks(stream) {
  for (const track of stream.getTracks()) track.stop();
}

/** @param {File|undefined} file @param {{video: HTMLVideoElement, still: HTMLCanvasElement, limits: object}} parts */
export async function openFile(file, { video, still, limits }) {
  if (!file) throw new SourceError("No file is chosen", "Choose a video or a picture under “File”, then press Start.");
  if (!file.size) throw new SourceError("This file is empty", `“${file.name}” holds nothing. Choose another file.`);
  if (!file.type.startsWith("video/")) {
    const picture = await createImageBitmap(file).catch(() => null);
    if (picture) return openPicture(file, picture, still, limits);
    if (file.type.startsWith("image/")) {
      throw new SourceError("This picture cannot be opened", `“${file.name}” is damaged or of a kind this browser does not know. Choose a JPEG, PNG or WebP picture.`);
    }
  }
  return openVideo(file, video, limits);
}

async function openPicture(file, picture, still, limits) {
  const frame = await new FrameEncoder(limits).encode(picture, picture.width, picture.height);
  show(still, picture);
  picture.close();
  return new StillSource(file.name, frame, still);
}

async function openVideo(file, video, limits) {
  const address = URL.createObjectURL(file);
  const release = () => { video.removeAttribute("src"); video.load(); URL.revokeObjectURL(address); };
  video.srcObject = null;
  video.loop = true;
  try {
    await new Promise((resolve, reject) => {
      video.onloadeddata = resolve;
      video.onerror = () => reject(new Error("unplayable"));
      video.src = address;
    });
    if (!video.videoWidth) throw new Error("no picture");
    await video.play();
  } catch (cause) {
    release();
    throw new SourceError("This file cannot be played",
      cause.message === "no picture" ? `“${file.name}” has sound but no picture. Choose a video or a picture.`
        : `“${file.name}” is no video or picture that this browser can open. Choose an MP4 or WebM video, or a JPEG, PNG or WebP picture.`);
  } finally {
    Object.assign(video, { onloadeddata: null, onerror: null });
  }
  video.hidden = false;
  return new VideoSource("upload", file.name, video, new FrameEncoder(limits), release);
}
