"""
Which task a customer wants done, or what they want to know of one.

Cues are short patterns in both languages. Where the words of one task stand in
another's ("refund me the price difference"), the table of parts tells which is
meant. Whether a machine may do it is policy's to say, not theirs.
"""

from __future__ import annotations

import re
from typing import Literal, get_args

from engines.agent.reading.exceptions import split_kept
from engines.agent.reading.spelling import spelled
from engines.agent.reading.text import number
from engines.shops.effects import ReplacementReason


Recipe = Literal[
    "cancel_order",
    "merge_orders",
    "split_shipment",
    "change_address",
    "change_phone",
    "reschedule_delivery",
    "exchange_item",
    "replace_item",
    "claim_gift",
    "refund_item",
    "price_protection",
    "chase_refund",
    "reissue_invoice",
]
Look = Literal["refund_status", "order_status"]
#: What the router calls a fault -> what is claimed.
_FAULTS: dict[str, ReplacementReason] = {
    "damaged_item": "damaged",
    "quality_complaint": "damaged",
    "wrong_item": "wrong_item",
    "missing_item": "missing",
}

_REFUND_STATUS = re.compile(
    r"(?:退款|退的钱|退货款|钱)[^,，。;；!！]{0,8}(?:到哪|到账|进度|什么时候|啥时候|多久|还没|没到|没收到|状态|怎么还|怎么没)"
    r"|(?:什么时候|多久|还没|没有?收到|怎么还没|查)[^,，。;；!！]{0,6}(?:退款|到账|退钱)"
    r"|\b(?:where|when|status|track|not received|n'?t received|haven'?t got|still waiting"
    r"|still no|how long|check|any news)\b.{0,40}\brefund"
    r"|\brefund\b.{0,30}\b(?:status|yet|arrive|come through|where|when|taking|late|not)\b"
    r"|\bwhere(?:'s| is) (?:my|the) money\b|\b(?:been|was|were|get|got|gotten) refunded\b|\bdid you refund\b",
)
_ORDER_STATUS = re.compile(
    r"(?:订单|快递|包裹|物流|货).{0,6}(?:到哪|状态|进度|发货了吗|发了吗|什么时候到|送到哪)|查.{0,4}(?:订单|物流|快递)"
    r"|发货了(?:吗|没)|到哪(?:了|儿了|里了)"
    r"|\b(?:where|status|track).{0,25}\b(?:order|parcel|package|delivery)\b"
    r"|\border status\b|\bhas it shipped\b|\bwhere(?:'s| is) (?:it|my)\b",
)
#: The recipient, but not the recipient's phone or time alone.
_TO = r"收[货件](?!人|的?(?:电话|手机|联系|时间|日期))"
_CHANGE_ADDRESS = re.compile(
    rf"(?:改|换|变更|更新|填错|写错|选错|弄错|搞错|错了?).{{0,8}}(?:地址|{_TO})"
    rf"|(?:地址|{_TO}).{{0,10}}(?:改|换|错|变|更新)|新地址|别的地址|另一个地址|改(?:成|为)[^,，。;；]{{2,12}}(?:省|市|区|县|路|街)"
    r"|(?:改|换)?(?:寄|送|发)(?:到|去|往)(?!\s*(?:我的?)?(?:邮箱|[\w.+-]+@))|改[到去](?!\s*(?:明|后|大后|下|周|星期|礼拜|\d))"
    r"|\b(?:change|update|edit|correct|modify|fix|wrong|different|another|new)\b.{0,30}\baddress\b"
    r"|\bchange\b.{0,30}\b(?:delivered|shipped|sent|delivery|shipping) to\b"
    r"|\baddress\b.{0,30}\b(?:change|wrong|update|mistake|incorrect|instead)"
    r"|\b(?:ship|send|deliver|redirect)\b.{0,25}\b(?:to|address)\b.{0,80}\b(?:instead|rather)\b"
    r"|\b(?:ship|send|deliver|redirect)\b.{0,35}\bto\s+(?:no\.?\s?)?\d+[a-z]?\s+[a-z]",
)
_CANCEL_ORDER = re.compile(
    r"取消.{0,12}(?:订单|这单|那单|那笔|这笔|购买|下单|一单)|(?:订单|这单|那单|单子).{0,14}取消|撤单|退单(?![里中的])|[单笔][^,，。]{0,4}撤(?:了|掉|销)|撤(?:了|掉|销)[^,，。]{0,8}[单笔]|取消(?:掉|了)?吧?$|取消[^,，。;；]{0,10}[那这](?:个|一个)[。!！]?$|取消\s?#?[a-z]{0,4}-?\d{3,}"
    r"|(?:订单|单子?)(?:我|都|就|也|全|现在)?不(?:想)?要了|(?:整单|全部|都).{0,3}不(?:想)?要了|不想买了|不买了"
    r"|\bcancel\b(?!.{0,30}\b(?:items?|refund|product)\b)",
)
_REFUND_ITEM = re.compile(
    r"\btake off\b|\bremove\b(?!.{0,30}\baddress)|少要(?=[一两二三四五六七八九十\d])|[勿弗]要(?:了|特)|退特|\breturn(?:ed|ing)\b|(?<![不别])退(?![休出步烧役伍])|.{2,20}(?:不想要了|不要了)|只(?:留|保留)|(?<!是)不(?:想)?要[^,，。;；了紧]{1,12}了|[减去删拿]掉"
    r"|\brefund|\breturn\b|\bsend (?:[\w' ]{1,30}? )?back\b|\bmoney back\b|\b(?:go|goes|going) back\b|\b(?:don'?t|do not) (?:want|need) (?!to\b|a refund|a new|an?other)|\btake .{1,40} off\b"
    r"|\bcancel\b.{0,30}\b(?:items?|product)\b|\b(?:only|just) (?:want|need) to keep\b",
)
_WHOLE_BY_NAME = re.compile(
    r"整单|整个订单|订单退[了掉](?!第)|\b(?:whole|entire|full) order\b"
)
_WHOLE = re.compile(
    r"整单|整个订单|全部退|全退|都退|所有商品|一起退|订单退[了掉]|\b(?:whole|entire|full) order\b"
    r"|\b(?:everything|all (?:two|three|four|five|six|\d) (?:items|things|products|of them)|all (?:the )?items|all of (?:it|them))\b",
)
_DAMAGE = re.compile(
    r"(?:一|就|老|总|一直)闪|[熄灭][了掉]|闪退|死机|卡住|自动关机|\bflickers?\b|\bdies\b|\bdied\b|(?:坏|碎|裂|断|歪|瘪|烂|炸|漏|弯|折)(?:了|咧|啦|嘞|的|掉|开|成|$|[,，。!！])|破损|损坏|坏了|坏的|碎了|裂了|摔坏|漏液|有?瑕疵|开裂|变形|不通电|开不了机|充不[进了上]|打不开|[没无](?:声音|反应|电)了?(?![^,，。])|不(?:加热|制冷|出[水风声]|通电)|发霉|质量问题|失灵|不灵|没反应|用不了|不好[使用]|不能用|漏水|漏气|断了|划痕|掉漆|故障|按不动|不[转亮响]了?(?![^,，。])|不工作"
    r"|\bdamaged\b|\bbroken\b|\bcracked\b|\bdefective\b|\bbroke\b|\bshattered\b|\bfaulty\b|\bdented\b"
    r"|\bleak(?:s|ing|ed)?\b|\bscratched\b|\bdead on arrival\b|\bnot working\b|\b(?:won't|doesn't|does not|can't) (?:work|turn|charge|start|light|open|close|heat|cool|switch|connect|inflate|hold|stay|run|spin|boot)\b|\bstopped working\b|\bdoes(?:n'?t| not) (?:work|turn on)\b"
)
_WRONG_ITEM = re.compile(
    r"发错|寄错|送错|货不对板|不是我(?:买|要|订|下单)的|\bwrong (?:item|product|thing|one)\b"
    r"|\b(?:sent|received|got|gave)(?: me)? (?:a |the )?(?:wrong|different)\b"
)
_MISSING = re.compile(
    r"(?:买|拍|订|下)了?[^,，。]{0,6}[一两二三四五六\d]+[件个条双盒瓶份包袋][^。;；]{0,12}[只就才](?:到|收|来|给|发|有|[一两二三四五六\d])|\b(?:only|just) (?:got|received|have|had) (?:one|two|three|\d)\b|\bordered\b.{0,40}\bonly (?:one|two|three|four|five|\d)\b|[只就才](?:有|到|收|来|给|发)了?[一两二三四五六\d]+[件个条双盒瓶份包袋根支只][^。;；]{0,8}(?:买|拍|订|下)[^。;；,，]{0,4}[一两二三四五六\d]|给少了|漏发|少发|少寄|漏寄|只(?:收到|来了|到了|给了|发了)[^,，。]{0,3}[件个条双盒瓶份]|还?差了?[一两1-9][件个条双盒瓶份]|少了[^,，。]{0,6}[件个双条盒瓶]|(?:少|缺)了?(?:一|两|1|2|\d)[件个双条盒瓶]|没有?收到.{0,12}(?:件|个|那)"
    r"|\bmissing\b|\bno [\w ]{2,20} in (?:my|the) [\w -]{0,12}(?:box|parcel|package)\b|\b(?:with|got|received|only) (?:only )?one\b.{0,60}\bordered\b|\bnot in the (?:box|parcel|package)\b|\bwas(?:n'?t| not) in(?:side)? (?:the )?(?:box|parcel|package)\b"
    r"|\b(?:one|two|\d) (?:item|unit|piece)s? short\b|\bleft out\b"
)
_GIFT = re.compile(
    r"(?:说好|应该|不是|本来)[^,，。;；]{0,4}送[^。;；]{1,16}(?:没|找不到|不见)|\b(?:supposed|meant) to come with\b|\bcame? without\b.{0,20}\b(?:gift|free)\b|(?:赠|送)的?[^,，。;；]{1,12}(?:没|忘了?)(?:有|送|给|见|看到|收到|到|寄|发|放|装)|\bfree \w+\b.{0,30}\b(?:wasn't|isn't|weren't|was not|not) (?:in|there|included)|没(?:有)?(?:收到|见到|看到|寄|发|给)[^。;；]{0,10}(?:赠|送的)|(?:赠品|礼品|礼物|送的).{0,12}(?:没|少|缺|漏|补|忘|呢)|(?:没|少|缺|漏|忘|补).{0,8}(?:赠品|礼品|礼物)"
    r"|\bwhere(?:'s| is) (?:the|my) (?:free|gift)\b|\bfree \w+\b.{0,30}\b(?:should|supposed)\b|\b(?:gift|freebie|free (?:pouch|sample|item))\b.{0,30}\b(?:missing|not|never|n'?t|forgot|left out)"
    r"|\b(?:missing|never got|did(?:n'?t| not) (?:get|receive|come with)|forgot|no)\b.{0,20}\b(?:gift|freebie)\b"
    r"|\bpromised (?:an?|the) [\w ]{2,20} with\b.{0,60}(?:n't|\bnot|missing|\bno)\b|\bnever (?:got|received)\b.{0,20}\bfree\b|\b(?:send|claim)\b.{0,20}\b(?:gift|freebie)\b"
)
_EXCHANGE = re.compile(
    r"(?:能|可以|想)(?:不能|不可以)?(?:帮我|给我)?改(?:成|为)(?![^,，。]{0,14}(?:省|市|区|县|路|街|电话|手机|号|地址|周|星期|礼拜|[天月日点]|付|自提|[发专普]票|公司|个人|[退送寄发\d]|取消)|[一两二三四五六七八九十])|换(?:成|个)?[smlx]{1,4}(?![a-z\d])|换(?:成|个)?\d{2}(?:码|号|的|$|[,，。])|换(?:成|为|个|一?[件双条只])?[^,，。;；退新]{1,6}(?:色|码|号|款)(?!码?(?:电话|手机))|\b(?:small|medium|large|x+l|x-large|extra large) (?:not|and not|instead of|rather than)\b|\b(?:too|bit) (?:big|small|tight|large|loose)\b.{0,60}\b(?:size|one up|one down|bigger|smaller|\d{2})\b|换货|调换|换(?:[一两二三\d]?[个件双条款只瓶份]|成|为|大|小|码|颜色|尺码|尺寸|新的|黑|白|红|蓝|灰|绿|粉|[smlx]{1,4}\s?[码号])|(?:改|换)(?:成|为)[^,，。]{0,8}(?:码|色|[黑白红蓝灰绿粉紫黄])|(?:尺码|颜色|码数|大小|型号|规格)[^,，。]{0,4}(?:拍|买|选|订|下)错|(?:拍|买|选|订|下)错了?(?:尺码|颜色|码数|大小|型号|规格)|想换(?!地址|手机|电话|号码|收)|(?:要|换)[^,，。]{0,3}[大小]一?[点号码]"
    r"|\bexchang|\brather have\b|\bswapp?(?:ed)?\b|\b(?:size|colou?r)\b.{0,20}\binstead\b|\b(?:get|have|want)\b.{0,60}\bin (?:a |the )?(?:size )?\w+ instead\b|\b(?:like|want|get|have)\b(?!.{0,25}\b(?:money|cash|refund|compensation)\b).{0,40}\binstead of\b|\b(?:change|switch)\b.{0,30}\b(?:size|colou?r)\b|\b(?:different|other|bigger|smaller|larger) (?:size|colou?r)\b|\b(?:different|bigger|smaller|larger) one\b"
)
_REPLACE = re.compile(
    r"换一台|换|补发|重发|重寄|补寄|再发|再寄|\breplac|\bresend\b|\bre-?ship|\bsend .{0,20}(?:again|another|new one)"
)
_SENT_ANEW = re.compile(
    r"\b(?:want|need|get|send me|have) (?:a new|another|a fresh) one\b|\ba replacement\b|\breplace(?:ment|d)?\b(?!.{0,60}\b(?:with|by)\b)|\bsend (?:me |us )?(?:a |an)?(?:new|other) one\b"
)
_SAME_ANEW = re.compile(
    r"换一?台|换(?:个|一?[件条双只台]|一个)?新的?(?![款色码号尺])|\ba new one\b"
)
_INVOICE = re.compile(r"发票|抬头|税号|\binvoice")
_PRICE = re.compile(
    r"\bpaid\b.{0,50}\bnow (?:it's|it is|they're|only|just)?\b.{0,20}\d|\bdifference,? please\b|价保|保价|价格保护|降价|降了|差价|便宜了|买贵|跌价|\bprice.{0,12}(?:match|protect|drop|adjust|difference|fell|went down|lower)"
    r"|\bcheaper now\b|\b(?:went|gone|going|came) down in price\b|\bon sale now\b|\b(?:refund|return|pay|give)\b.{0,15}\bthe (?:price )?difference\b|\b(?:dropped|lowered|cut) (?:the|its|in) price\b"
)
_MERGE = re.compile(
    r"合(?:成|到|在)?一个?(?:箱|盒|包)|再?[跟和与][^,，。]{1,16}一(?:起|块儿?)(?:发|寄)|\b(?:put|pack|ship|send|place)\b.{0,60}\b(?:in|into) (?:a|one) (?:single |same )?(?:box|parcel|package)\b|合并|并单|合单|并成|拼成一|合成一|放在?一起(?:发|寄)|(?:放|装|塞)(?:在|到|进)?(?:一|同一)个?(?:箱|盒|包裹|袋)|一(?:起|块儿?|道)(?:发|寄|打包|配送)|一个包裹|\bship(?:ped)? (?:it |them )?with (?:the|my|order)\b|\bmerge\b|\bcombine\b|\bconsolidate\b|\b(?:ship|send|pack|put|place).{0,40}\b(?:together|in one (?:parcel|box|package|shipment))\b"
)
_SPLIT = re.compile(
    r"\b(?:ship|send)\b.{0,40}\bnow\b.{0,60}\blater\b|[^,，。]{1,12}先(?:发|寄|送|走)|拆单|拆开(?:发|寄)|分开(?:发|寄|配送|送)|分批(?:发|寄)|分两[次批个]|先(?:发|寄|送)|先把.{1,20}(?:发|寄)"
    r"|\bsplit\b|\b(?:ship|send).{0,30}\bseparate(?:ly)?\b|\b(?:ship|send)\b.{0,40}\b(?:first|ahead|right away)\b|\bin two (?:parcels|shipments|packages)\b"
)
_DAY = r"(?:时间|日期|那天|送货|派送|配送|收货时间|送达)"
_RESCHEDULE = re.compile(
    rf"(?:周|星期|礼拜)[一二三四五六日天末](?:再|才|给|帮|我)*(?:送|派|配送)|\bcould it (?:come|arrive)\b|\b(?:arrive|come|delivered?)\b.{0, 30}\bon (?:mon|tues|wednes|thurs|fri|satur|sun)day|(?:改|换|推迟|延后|延迟|延期|提前|约|调整).{{0,10}}{_DAY}|{_DAY}.{{0,8}}(?:改|换|推迟|延后|延迟|提前|调)"
    r"|(?:晚|改|过)(?:点|几|两|一)?天(?:再)?(?:送|派|配送|发)|(?:推迟|延后|延迟|改)(?:到|至)(?:明|后|大后|下|周|星期|礼拜|\d)"
    r"|(?:明天|后天|周[一二三四五六日天末]|星期.|礼拜.|\d+[号日])(?:再|才)?(?:送|派送|配送|送货|送达|送到|送来)"
    r"|\breschedul|\bpostpone\b|\bdelay (?:the|my) (?:delivery|parcel|shipment|order)"
    r"|\bdeliver(?:ed|y)?\b.{0,40}\b(?:later|another day|instead|(?:on|until|till|to|by) (?:mon|tues|wednes|thurs|fri|satur|sun|tomorrow|next|the \d|\d{1,2}(?:st|nd|rd|th)|\d{4}-\d|jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec))"
    r"|\b(?:send|ship|deliver|move|push)\b.{0,40}\b(?:next |this |on )?(?:mon|tues|wednes|thurs|fri|satur|sun)day\b|\b(?:hold|keep)\b.{0,30}\buntil\b"
    r"|\b(?:arrive|come)\b.{0,15}\b(?:mon|tues|wednes|thurs|fri|satur|sun)day\b.{0,12}\b(?:instead|rather)\b"
    r"|\b(?:arrive|come|delivered)\b.{0,20}\b(?:next |this |on )(?:mon|tues|wednes|thurs|fri|satur|sun)day\b"
    r"|(?:周[一二三四五六日天末]|星期.|礼拜.|\d+[号日]|明天|后天)(?:才|再|以后)?(?:在家|有空|有人|方便)"
    r"|\bchange\b.{0,25}\bdelivery (?:date|day|time)\b|\bdelivery (?:date|day|time)\b.{0,20}\b(?:to|change)\b"
)
_PHONE = re.compile(
    r"\bnew (?:mobile|phone|cell|number)\b|\b(?:phone|mobile|cell) (?:number )?(?:is|should be)\b|收[货件]人(?!.{0,4}地址).{0,8}(?:改|换|写错|错)|(?:改|换).{0,4}收[货件]人(?!.{0,4}地址)|(?:打|联系|用)这个(?:电话|号|手机)|(?:改|换|更新|更换|修改|变更).{0,10}(?:手机|电话|号码|联系方式)|(?:手机|电话|联系方式)号?.{0,10}(?:改|换|写错|填错|错了|变了)"
    r"|\bwrong number\b|\b(?:change|update|correct|new|wrong|different)\b.{0,25}\b(?:phone|mobile|cell|contact number)|\bnew number\b|\b(?:phone|mobile)\b.{0,20}\b(?:change|wrong|update|to)\b"
)
_CHASE = re.compile(
    r"\bmoney\b.{0,120}\b(?:chase|hurry|speed|push|follow)\b|催.{0,8}(?:退款|到账|钱)|退款.{0,12}(?:催|加急|超时|逾期|过期|过了)|(?:催|加急).{0,3}一下|催(?![^,，。]{0,6}(?:发货|快递|物流|[^退]货|单))"
    r"|\b(?:chase|speed up|hurry(?: up)?|rush|push|expedite|escalate|follow up)\b.{0,25}\brefund|\brefund\b.{0,25}\b(?:overdue|late|past due|delayed)\b"
)
_HUMAN = re.compile(
    r"转人工|人工(?:客服|服务)|^人工[。!]?$|找(?:个)?(?:真人|客服|人工)|真人客服"
    r"|\b(?:talk|speak|chat|transfer|connect)\b.{0,20}\b(?:human|person|agent|representative|someone)\b"
    r"|^(?:human|agent|real person)(?: please)?$"
)
_AGAIN = re.compile(
    r"^.{0,6}(?:查一?下|查查|看一?下|看看|核实一?下).{0,4}$"
    r"|^(?:please |can you |could you )?(?:check|look)(?: (?:it|that|again|please|for me|into it))*[.!?]?$"
)
_KEEP = re.compile(
    r"(?:其他|其它|其余|别的|剩下)的?(?:商品|东西|几件|都)?.{0,4}(?:保留|不变|不退|留着|不动|照发|照常|正常|照旧|继续)"
    r"|\b(?:keep|leave) (?:the )?(?:rest|others?|other (?:items?|ones?)|everything else)\b"
    r"|\b(?:the )?(?:rest|others?|other (?:items?|ones?)|everything else|remaining items?) (?:(?:can|should|will|must|to) )?(?:stays?|remains?|(?:is|are) fine)\b",
)
#: What would be, asked before deciding: it may be worked out, never carried out by an "ok".
_ONLY_ASKS = re.compile(
    r"(?:如果|要是|假如|假设|万一|的话)[^。;；]{0,40}(?:多少|几[块元]|扣|损失|怎么算|划算|会不会|能不能|[吗么?])"
    r"|(?:能|可以|会|要|得)(?:给我|我)?(?:退|扣|补|收|返)(?:回|给|我|来)*(?:多少|几[块元])"
    r"|(?:退|换|取消|改)[^,，。;；]{0,12}(?:要|得|会)?(?:多少钱|扣钱|扣费|手续费)"
    r"|(?:只是|就是|就|随便)问(?:一下|下|问|个)|打听"
    r"|\bif i (?:\w+ ){0,2}(?:return|cancel|exchange|chang|send|sent|swap|refund|gave|give)\w*\b"
    r"|\bhow much (?:would|will|do|does|can|could|money)\b|\bwhat (?:would|will) (?:i|it|the|happen)\b"
    r"|\b(?:just|only) (?:asking|curious|wondering|checking)\b|\b(?:is|would) there (?:be )?an?y? (?:fee|charge|cost)\b"
)
#: "If it can be done, do it" decides.
_DECIDES = re.compile(
    r"就(?:帮我|给我|直接)?(?:退|办|取消|换|改)|\bif so\b|\bthen (?:do|cancel|refund|return)\b"
)
_THE_SAME = re.compile(
    r"(?:也|同样)(?:一样|这样|这么|如此|是|照办|处理|来一[次遍])|[也都]一样$|\bsame (?:for|with|thing|again|goes)\b|\b(?:that one|this one|it|order) too$|^(?:and|also) .{0,40}\b(?:too|as well)$"
)
#: What is right as it is: "地址没问题".
_FINE = re.compile(
    r"(?:收货)?(?:地址|电话|手机号?|收货人|抬头)(?:是?(?:没问题|没错|对的)|不变|不用[改换动]|照旧)"
    r"|\b(?:address|phone|name|number) (?:is|stays|remains) (?:fine|right|correct|the same)\b"
)
#: When, not what: "退完再…".
_ONCE_DONE = re.compile(r"(?:退|换|取消|改|合并)完(?:了|以后|之后|后)?(?=再|就|,|，)")
_KEEPS_FIRST = re.compile(
    r"\s*(?:保留|留下|留着|只?留|不退|(?:please )?(?:keep|leave|not)\b)"
)
_STAYS_ALONE = re.compile(
    r"(?:不退|不用退|不换|不用换|留着|留下|留到|也要|保留|自己留|先留)(?:着|了|吧|啊|哈|的)?[。!！]?$"
)
_ALSO = re.compile(r"另外|还有|同时|顺便|以及|再把|\balso\b|\bas well\b|\bplus\b")
_CUES: tuple[tuple[Recipe, re.Pattern[str]], ...] = (
    ("change_address", _CHANGE_ADDRESS),
    ("refund_item", _REFUND_ITEM),
    ("cancel_order", _CANCEL_ORDER),
    ("exchange_item", _EXCHANGE),
    ("replace_item", _DAMAGE),
    ("replace_item", _WRONG_ITEM),
    ("replace_item", _SENT_ANEW),
    ("replace_item", _SAME_ANEW),
    ("replace_item", _MISSING),
    ("claim_gift", _GIFT),
    ("price_protection", _PRICE),
    ("merge_orders", _MERGE),
    ("split_shipment", _SPLIT),
    ("reschedule_delivery", _RESCHEDULE),
    ("change_phone", _PHONE),
    ("reissue_invoice", _INVOICE),
    ("chase_refund", _CHASE),
)
RECIPES: tuple[Recipe, ...] = get_args(Recipe)
#: (a task, the task whose words hold those of the first).
_PART_OF: tuple[tuple[Recipe, Recipe], ...] = (
    ("refund_item", "price_protection"),
    ("refund_item", "chase_refund"),
    ("exchange_item", "change_phone"),
    ("exchange_item", "reissue_invoice"),
    ("exchange_item", "reschedule_delivery"),
    ("replace_item", "claim_gift"),
    ("refund_item", "exchange_item"),
    ("price_protection", "exchange_item"),
    ("change_phone", "change_address"),
    ("change_address", "reissue_invoice"),
    ("exchange_item", "change_address"),
    ("change_address", "reschedule_delivery"),
    ("split_shipment", "merge_orders"),
    ("change_address", "merge_orders"),
    ("change_address", "split_shipment"),
)
#: (what a piece alone asks for, the task before it that it explains).
_EXPLAINED: frozenset[tuple[Recipe, Recipe]] = frozenset(
    {("exchange_item", "replace_item"), ("replace_item", "exchange_item")}
)
_HAS_FREIGHT: frozenset[Recipe] = frozenset({"change_address", "merge_orders"})
_DIFFERENCE = re.compile(
    r"运费|差价|差额|多付|多收|\bfreight\b|\bshipping\b|\bdifference\b"
)
_ADDRESS_WORD = re.compile(r"地址|\baddress\b")
#: A company is what an invoice is made out to, unless it stands at a door.
_COMPANY = re.compile(r"有限公司|股份公司|集团|事务所|合作社|\b(?:ltd|llc|inc|gmbh)\b")
_DOOR = re.compile(r"地址|[路街巷弄道号栋楼室园厦]|\b(?:road|street|avenue|floor)\b")
_FORBIDS = re.compile(
    r"(?:^|[,，。\s]|订单)[我俺]?(?:先|千万|请)?(?:别|不要|不用|不必|无需)(?:再|急着|把.{1,8})?(?:给我|帮我|替我)?(?:取消|退|改|换|合并|开)"
    r"|\b(?:don'?t|do not|never) (?:cancel|refund|return|change|exchange|merge|ship)\b"
)
_HOW = re.compile(
    r"(?:怎么|如何|怎样)(?:才能|去|办理|操作|申请)?(?:退(?!还|了|没)|换|取消|改|合并|开)"
    r"|\bhow (?:do|can|would|should) (?:i|you|we)\b|\bhow to\b"
)
#: Who bears the postage is a question on the rules, unless something is asked for.
_WHO_PAYS = re.compile(
    r"(?:运费|邮费|快递费)[^,，。;；]{0,4}(?:谁|是不是我|要我)|谁[^,，。;；]{0,3}(?:运费|邮费)"
    r"|\bwho (?:pays|covers|bears)\b"
)
#: Words on the rules of a return, which are no wish for one.
_RULES = re.compile(
    r"\b(?:return|refund|exchange|cancellation)s? (?:window|polic|period|process|rule|deadline)"
    r"|退[货款换](?:政策|规则|规定|流程|期限|时效)"
)
#: Money for goods that stay with the customer is for people to grant.
_KEEPS_GOODS = re.compile(
    r"\b(?:instead of|without) (?:returning|sending)\b|不退货[^,，。]{0,6}(?:退|补|赔)"
)
#: Another carrier is no exchange of goods.
_CARRIER = re.compile(
    r"(?:改|换)(?:成|为|发|用|走)?(?:个)?(?:顺丰|京东|中通|圆通|申通|韵达|邮政|ems|德邦|极兔|(?:别的|其他|另一?[家个])快递)"
)
_QUESTION = re.compile(
    r"[?？]|[吗么呢]$|怎么[办样]|能不能|会不会|是不是|什么|多[少久]|^(?:is|are|can|could|do|does|did|will|would|what|how|why|when|where|who|which)\b"
)
_PLEASE = re.compile(
    r"帮|给我|我要|我想|申请|麻烦|请(?!问)|\bplease\b|\bi(?:'d like| want| would like)\b"
)
_STAYS = re.compile(
    r"(?<![按用转跑走推拉])不动|别动|不变|照常|正常|照发|不用管|保留|留着|\balone\b|\bstays?\b|\bkeep\b|\bleave\b"
)
_MONEY_BACK = re.compile(r"退|到账|到帐|返现|钱|\brefund|\bmoney\b")
_EVERY_ORDER = re.compile(
    r"(?:所有|全部|全都|每[一个]?)的?[^,，。;；]{0,10}(?:订单|单子|[个张]单|单)"
    r"|(?:订单|单子|[两二俩三四2-4]个?[单笔])(?:全部|全都|所有|都)"
    r"|\b(?:all|every|each|both)\b(?: of)?(?: my| the)?[\w' -]{0,24}\borders?\b"
)
_COUNTED_ORDERS = re.compile(
    r"(?<![a-z\d第])(?P<zh>[两二俩三四五2-5])个?(?:订?单|笔)|\b(?P<both>both)\b|\b(?P<en>two|three|four|five|[2-5])(?: of)?(?: my| the)? orders\b"
)
_INTO = re.compile(r"[换改](?:成|为)")
_ORDER_WORD = re.compile(r"订单|这单|那单|整单|\border\b|(?<![a-z0-9])[a-z]{0,4}\d{4,}")
_KEEPS_GIFT = re.compile(
    r"(?:赠品|礼品|赠送?的|送的)[^,，。;；]{0,20}(?:留|不退|不还|想要|保留)|\b(?:keep|without) the (?:free )?gift\b"
)


def before_target(text: str) -> str:
    """The words of an exchange before what it is exchanged for."""
    return _INTO.split(text, maxsplit=1)[0] or text


def speaks_of_refund(text: str) -> bool:
    """Tell if a text has a word for money that comes back."""
    return _MONEY_BACK.search(text) is not None


def wants_back(text: str) -> bool:
    """Tell if a text asks for the money or the order back, and for nothing else."""
    found = set(recipes_in(text))
    return bool(found) and found <= {"refund_item", "cancel_order"}


def means_every_order(text: str) -> bool:
    """Tell if a text speaks of all orders there are: "所有没发货的订单"."""
    return _EVERY_ORDER.search(text) is not None


def orders_counted(text: str) -> int:
    """How many orders a text says it is about: "两单都", "both orders"; 0 if it does not."""
    found = _COUNTED_ORDERS.search(text)
    if found is None:
        return 0
    return 2 if found["both"] else number(found["zh"] or found["en"]) or 0


def asks_human(text: str) -> bool:
    """Tell if the customer asks for a person."""
    return _HUMAN.search(text) is not None


def without_rest(text: str) -> str:
    """*text* without the clauses that say what stays as it is."""
    text = _ONCE_DONE.sub("", _FINE.sub(" ", text))
    return _KEEPS_GIFT.sub(" ", _KEEP.sub(" ", text))


def recipes_in(text: str) -> tuple[Recipe, ...]:
    """Tasks that the cleaned, folded *text* asks for, in the order of :data:`RECIPES`."""
    text = spelled(text)
    if _REFUND_STATUS.search(text) and not _CHASE.search(text):
        return ()
    is_rule = _WHO_PAYS.search(text) or _RULES.search(text)
    if _HOW.search(text) or _KEEPS_GOODS.search(text):
        return ()
    if is_rule and not _PLEASE.search(text):
        return ()
    rest = _CARRIER.sub(" ", without_rest(text))
    found = {name for name, cue in _CUES if cue.search(rest)}
    if "change_address" in found and _COMPANY.search(rest) and not _DOOR.search(rest):
        found = found - {"change_address"} | {"reissue_invoice"}
    if "cancel_order" in found and not _ALSO.search(rest):
        # An address that is wrong is then the reason, not another wish.
        return ("cancel_order",)
    found -= _reasons(rest, found)
    return tuple(name for name in RECIPES if name in found)


def _reasons(text: str, found: set[Recipe]) -> set[Recipe]:
    """Tasks whose words are only the reason or a part of another one found."""
    drop: set[Recipe] = {
        low for low, high in _PART_OF if low in found and high in found
    }
    is_claim = "replace_item" in found
    wants_money = "refund_item" in found
    if is_claim and wants_money:
        drop.add("replace_item")
    elif is_claim and _REPLACE.search(text):
        drop.add("exchange_item")
    return drop


def goes_on(text: str, recipe: Recipe, other: Recipe) -> bool:
    """
    Tell if a piece that alone would ask for *recipe* goes on with *other*.

    Args:
        text: The folded piece; it names nothing of its own.
    """
    pair = (recipe, other)
    if pair == ("change_address", "reissue_invoice"):
        return _ADDRESS_WORD.search(text) is None
    if pair in _PART_OF or pair in _EXPLAINED:
        return True
    return other in _HAS_FREIGHT and _DIFFERENCE.search(text) is not None


def stays(text: str) -> bool:
    """Tell if a folded piece says of what it names that it stays as it is."""
    return _STAYS.search(text) is not None


def only_asks(text: str) -> bool:
    """Tell if a folded text asks what would be, before anything is decided."""
    return _ONLY_ASKS.search(text) is not None and _DECIDES.search(text) is None


def means_the_same(text: str) -> bool:
    """Tell if a folded text asks for the wish before once more, of something else."""
    return _THE_SAME.search(text) is not None


def begins_to_keep(text: str) -> bool:
    """Tell if a folded piece says first that what it names stays."""
    return _KEEPS_FIRST.match(text) is not None


def only_stays(text: str) -> bool:
    """Tell if all that a folded piece says is that what it names does not go."""
    kept = split_kept(text)
    ends = _STAYS_ALONE.search(text) is not None and not kept.all_else_goes
    return ends and not recipes_in(kept.rest)


def wants_the_same(text: str) -> bool:
    """Tell if a folded piece asks for a new one of the same goods."""
    return _SAME_ANEW.search(text) is not None


def is_forbidden(text: str) -> bool:
    """Tell if a folded piece says that something shall *not* be done."""
    return _FORBIDS.search(text) is not None


def claim_in(text: str) -> ReplacementReason | None:
    """What is wrong with goods that came, if the text says so."""
    if _WRONG_ITEM.search(text):
        return "wrong_item"
    if _DAMAGE.search(text):
        return "damaged"
    return "missing" if _MISSING.search(text) else None


def fault_told(text: str, intent: str) -> ReplacementReason | None:
    """
    What is wrong with goods in words that :func:`claim_in` does not know.

    Args:
        intent: Of the text, as the router read it. A question is no claim.
    """
    asks = _HOW.search(text) or _QUESTION.search(text) or only_asks(text)
    return None if asks else _FAULTS.get(intent)


def look_in(text: str) -> Look | None:
    """What the customer wants to know, if it is one of what L3 can read."""
    if _REFUND_STATUS.search(text):
        return "refund_status"
    return "order_status" if _ORDER_STATUS.search(text) else None


def asks_again(text: str) -> bool:
    """Tell if a text only urges to look again at what was asked before."""
    return _AGAIN.search(text) is not None


def is_whole_order(text: str) -> bool:
    """Tell if a refund is meant for everything in the order."""
    rest = without_rest(text)
    return _WHOLE.search(rest) is not None and not split_kept(rest).names


def is_whole_by_name(text: str) -> bool:
    """Tell if a text calls the whole order so."""
    return _WHOLE_BY_NAME.search(without_rest(text)) is not None


def keeps_gift(text: str) -> bool:
    """Tell if the customer wants to keep the gift of what goes back."""
    return _KEEPS_GIFT.search(text) is not None


def names_order(text: str) -> bool:
    """Tell if a text speaks of an order as such, by word or by id."""
    return _ORDER_WORD.search(text) is not None
