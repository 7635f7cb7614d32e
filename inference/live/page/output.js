// Draws the character, transparent, and nothing else; asks for the next picture when one is drawn.
const canvas = document.getElementById("picture");
const context = canvas.getContext("2d");

function connect() {
  const socket = new WebSocket(`ws://${location.host}/output-socket${location.search}`);
  socket.binaryType = "blob";
  socket.onmessage = async ({ data }) => {
    const picture = await createImageBitmap(data);
    if (canvas.width !== picture.width) { canvas.width = picture.width; canvas.height = picture.height; }
    context.clearRect(0, 0, canvas.width, canvas.height);
    context.drawImage(picture, 0, 0);
    picture.close();
    if (socket.readyState === WebSocket.OPEN) socket.send("next");
  };
  socket.onclose = () => setTimeout(connect, 1000);
}
connect();
