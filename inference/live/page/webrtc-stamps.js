// Lets every encoded picture pass, and says its RTP time and when it passed.
onrtctransform = ({ transformer: { readable, writable } }) => {
  const stamp = new TransformStream({
    transform(picture, passed) {
      postMessage([picture.getMetadata().rtpTimestamp, performance.timeOrigin + performance.now()]);
      passed.enqueue(picture);
    },
  });
  readable.pipeThrough(stamp).pipeTo(writable).catch(() => {});
};
