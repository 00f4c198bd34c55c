"""Questions of tests about a recording that was read."""

from handos_model.io.inputs import open_inputs


def opened(path, **options):
    """The one source of a recording."""
    (source,) = open_inputs([str(path)], **options)
    return source


def numbers(frames):
    """Those that made_bags.images wrote into the first pixels."""
    return [int(frame.image[0, 0, 0]) for frame in frames if frame.image is not None]


def problems(frames):
    """Sentences in place of images."""
    return [frame.problem for frame in frames if frame.image is None]


def read_all(path):
    """Topic, type, time and message of everything in a recording, by rosbags from the file alone."""
    from rosbags.highlevel import AnyReader

    with AnyReader([path]) as reader:
        return [
            (connection.topic, connection.msgtype, time, reader.deserialize(raw, connection.msgtype))
            for connection, time, raw in reader.messages()
        ]
