"""Stands between User Mode Linux and virtiofsd while they get to know each other: UML 6.12 pads
SET_MEM_TABLE with room for a region that it does not have, and virtiofsd refuses that.  The padding is
cut off here.  Requests do not pass: they go through the ring, in memory that both sides share."""
import array
import socket
import struct
import threading

HEADER = struct.Struct("=III")
SET_MEM_TABLE = 5
REGION = 32


def receive(source: socket.socket, size: int):
    """Exactly `size` bytes and the descriptors with them; nothing at the end."""
    data, descriptors = b"", []
    while len(data) < size:
        part, ancillary, _, _ = source.recvmsg(size - len(data), socket.CMSG_SPACE(32 * 4))
        for level, kind, content in ancillary:
            if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
                got = array.array("i")
                got.frombytes(content[:len(content) - len(content) % got.itemsize])
                descriptors += got
        if not part:
            return b"", descriptors
        data += part
    return data, descriptors


def pass_on(source: socket.socket, target: socket.socket):
    """Messages of one direction, until it ends."""
    while True:
        header, descriptors = receive(source, HEADER.size)
        if not header:
            break
        request, flags, size = HEADER.unpack(header)
        payload = receive(source, size)[0] if size else b""
        if request == SET_MEM_TABLE and size >= 8:
            payload = payload[:8 + REGION * struct.unpack_from("=I", payload)[0]]
        message = HEADER.pack(request, flags, len(payload)) + payload
        socket.send_fds(target, [message], descriptors)
        for descriptor in descriptors:
            socket.close(descriptor)
    target.shutdown(socket.SHUT_WR)


def start(front: str, back: str):
    """Listens at `front` for one connection, which goes to the socket `back`."""
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(front)
    listener.listen(1)

    def serve():
        with listener, listener.accept()[0] as guest, socket.socket(socket.AF_UNIX) as server:
            server.connect(back)
            there = threading.Thread(target=pass_on, args=(guest, server), daemon=True)
            there.start()
            pass_on(server, guest)
            there.join()

    threading.Thread(target=serve, daemon=True).start()
